# ruff: noqa: F401, F403
"""``torch.xpu`` for the active backend."""

from .frontend.devices.xpu import *
from .frontend.devices.xpu import __all__
