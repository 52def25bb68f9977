"""Names of ``torch.utils.data.datapipes.iter.sharding``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import SHARDING_PRIORITIES
from plugtorch.frontend.utils.data.datapipes.iterating import ShardingFilter as ShardingFilterIterDataPipe

__all__ = ["SHARDING_PRIORITIES", "ShardingFilterIterDataPipe"]
