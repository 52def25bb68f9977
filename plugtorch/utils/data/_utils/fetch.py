"""Fetching batches; names of ``torch.utils.data._utils.fetch``."""

from __future__ import annotations

from plugtorch.frontend.utils.data._utils.fetch import IterableFetcher as _IterableDatasetFetcher
from plugtorch.frontend.utils.data._utils.fetch import MapFetcher as _MapDatasetFetcher

__all__ = ["_IterableDatasetFetcher", "_MapDatasetFetcher"]
