"""Storages; names of ``torch.storage``."""

from __future__ import annotations

from .frontend.storage import TypedStorage, UntypedStorage

__all__ = ["TypedStorage", "UntypedStorage"]
