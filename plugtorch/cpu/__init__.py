# ruff: noqa: F403
"""``torch.cpu``."""

from plugtorch.frontend.devices.cpu import *
from plugtorch.frontend.devices.cpu import __all__ as _names

from . import amp

__all__ = [*_names, "amp"]
