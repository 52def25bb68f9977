"""Saving and loading; names of ``torch.serialization``."""

from __future__ import annotations

import importlib

from .frontend.serialization import *  # noqa: F403
from .frontend.serialization import __all__ as _names

_HELPERS = ("StorageType", "check_module_version_greater_or_equal", "mkdtemp", "validate_cuda_device")
__all__ = [*_names, *_HELPERS]


def __getattr__(name):
    if name in _HELPERS:
        return getattr(importlib.import_module("plugtorch.frontend.serialization.helpers"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
