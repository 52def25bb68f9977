"""Neural networks: modules, functional forms, initialisation and helpers."""

from __future__ import annotations

from plugtorch.nn import functional, init, modules, parameter, utils
from plugtorch.nn.modules import *  # noqa: F403
from plugtorch.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "functional", "init", "modules", "parameter",
    "utils",
]
__all__ += modules.__all__
