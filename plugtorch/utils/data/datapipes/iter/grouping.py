"""Names of ``torch.utils.data.datapipes.iter.grouping``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import Batcher as BatcherIterDataPipe
from plugtorch.frontend.utils.data.datapipes.iterating import Grouper as GrouperIterDataPipe
from plugtorch.frontend.utils.data.datapipes.iterating import UnBatcher as UnBatcherIterDataPipe

__all__ = ["BatcherIterDataPipe", "GrouperIterDataPipe", "UnBatcherIterDataPipe"]
