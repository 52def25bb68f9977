"""Values that are there later; names of ``torch.futures``."""

from __future__ import annotations

from .frontend.futures import Future, collect_all, wait_all

__all__ = ["Future", "collect_all", "wait_all"]
