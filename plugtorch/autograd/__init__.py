"""Automatic differentiation: the engine, one gradient rule per op, and PyTorch's ``torch.autograd`` names.

Depends on :mod:`plugtorch.spec` alone.
"""

from . import rules  # noqa: F401  (declares every rule)
from .api import backward, grad
from .base import TensorBase as Variable
from .function import Function
from .mode import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = [
    "Function", "Variable", "backward", "enable_grad", "grad", "inference_mode", "no_grad", "set_grad_enabled",
]
