"""Counters and events of a program; names of ``torch.monitor``."""

from __future__ import annotations

from .frontend.monitor import *  # noqa: F403
from .frontend.monitor import __all__ as __all__
