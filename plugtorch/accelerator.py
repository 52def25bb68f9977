# ruff: noqa: F401, F403
"""``torch.accelerator`` for the active backend."""

from .frontend.devices.accelerator import *
from .frontend.devices.accelerator import __all__
