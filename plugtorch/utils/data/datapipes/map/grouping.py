"""Names of ``torch.utils.data.datapipes.map.grouping``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.mapping import Batcher as BatcherMapDataPipe

__all__ = ["BatcherMapDataPipe"]
