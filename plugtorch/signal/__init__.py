"""``torch.signal``: what signals are treated with."""

from __future__ import annotations

from . import windows

__all__ = ["windows"]
