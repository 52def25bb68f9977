# ruff: noqa: F403
"""``torch.accelerator`` for the active backend."""

from .frontend.devices.accelerator import *
from .frontend.devices.accelerator import __all__
