"""Data pipes; names of ``torch.utils.data.datapipes``."""

from __future__ import annotations

from . import iter, map

__all__ = ["iter", "map"]
