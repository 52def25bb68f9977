"""Neural networks: modules, functional forms, initialisation and helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugtorch.nn import functional, init, modules, parameter, utils  # noqa: F401
from plugtorch.nn.modules import *  # noqa: F403
from plugtorch.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter  # noqa: F401

if not TYPE_CHECKING:  # type checkers take every name that the imports bring
    __all__ = sorted(modules.__all__ + [
        "Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "functional", "init", "modules",
        "parameter", "utils",
    ])
