# ruff: noqa: F401, F403
"""``torch.mps`` for the active backend."""

from .frontend.devices.mps import *
from .frontend.devices.mps import __all__
