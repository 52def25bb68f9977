"""Ops of users' own; names of ``torch.library``."""

from __future__ import annotations

from .frontend.library import *  # noqa: F403
from .frontend.library import __all__ as __all__
