"""Saving and loading; names of ``torch.serialization``."""

from __future__ import annotations

from .frontend.serialization import *  # noqa: F403
from .frontend.serialization import __all__ as __all__
