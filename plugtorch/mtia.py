# ruff: noqa: F401, F403
"""``torch.mtia`` for the active backend."""

from .frontend.devices.mtia import *
from .frontend.devices.mtia import __all__
