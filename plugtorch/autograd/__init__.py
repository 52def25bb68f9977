"""Automatic differentiation: the engine, one gradient rule per op, and PyTorch's ``torch.autograd`` names.

Depends on :mod:`plugtorch.spec` alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from . import anomaly_mode, function, grad_mode, graph, rules, variable  # noqa: F401  (rules declares every rule)
from .api import backward, grad
from .function import Function, NestedIOFunction
from .gradcheck import GradcheckError, gradcheck, gradgradcheck  # the function hides its module, as in PyTorch
from .mode import (
    detect_anomaly,
    enable_grad,
    enforce_grad_layout_policy,
    inference_mode,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    is_multithreading_enabled,
    is_view_replay_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
    set_multithreading_enabled,
)
from .saved import SavedTensor
from .variable import Variable

if TYPE_CHECKING:
    from . import functional  # noqa: F401

_LAZY_MODULES = frozenset({"forward_ad", "functional", "profiler", "profiler_legacy", "profiler_util"})
_LAZY_NAMES = {
    **dict.fromkeys(("DeviceType", "ProfilerActivity", "ProfilerConfig", "ProfilerEvent", "ProfilerState",
                     "kineto_available"), f"{__name__}.profiler_kinds"),
    # PyTorch shows these here as well; they belong to a layer above and are looked up when somebody asks.
    **dict.fromkeys(("handle_torch_function", "has_torch_function", "is_tensor_like"), "plugtorch.overrides"),
}


def __getattr__(name):
    if name in _LAZY_MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _LAZY_NAMES:
        return getattr(importlib.import_module(_LAZY_NAMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LAZY_MODULES, *_LAZY_NAMES})


__all__ = [
    "Function", "GradcheckError", "NestedIOFunction", "SavedTensor", "Variable", "anomaly_mode", "backward",
    "detect_anomaly", "enable_grad", "enforce_grad_layout_policy", "function", "functional", "grad", "grad_mode",
    "gradcheck", "gradgradcheck", "graph", "inference_mode", "is_anomaly_check_nan_enabled", "is_anomaly_enabled",
    "is_multithreading_enabled", "is_view_replay_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
    "set_multithreading_enabled", "variable",
]
