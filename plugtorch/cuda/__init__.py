# ruff: noqa: F403
"""``torch.cuda`` for the active backend."""

from plugtorch.frontend.devices.cuda import *
from plugtorch.frontend.devices.cuda import __all__ as _names

from . import amp, memory, random, streams

__all__ = [*_names, "amp", "memory", "random", "streams"]
