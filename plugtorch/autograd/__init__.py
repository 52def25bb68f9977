"""Automatic differentiation: the engine, one gradient rule per op, and PyTorch's ``torch.autograd`` names.

Depends on :mod:`plugtorch.spec` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import rules  # noqa: F401  (declares every rule)
from .api import backward, grad
from .base import TensorBase as Variable
from .function import Function
from .mode import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)

if TYPE_CHECKING:
    from .gradcheck import GradcheckError, gradcheck, gradgradcheck


def __getattr__(name):
    if name in ("gradcheck", "gradgradcheck", "GradcheckError"):
        import importlib

        module = importlib.import_module(".gradcheck", __name__)
        globals().update(gradcheck=module.gradcheck, gradgradcheck=module.gradgradcheck,
                         GradcheckError=module.GradcheckError)
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Function", "GradcheckError", "Variable", "backward", "detect_anomaly", "enable_grad", "grad", "gradcheck",
    "gradgradcheck", "inference_mode", "is_anomaly_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]
