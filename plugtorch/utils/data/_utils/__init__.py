"""Parts of the data loader; names of ``torch.utils.data._utils``."""

from __future__ import annotations

from . import collate, fetch, worker

__all__ = ["collate", "fetch", "worker"]
