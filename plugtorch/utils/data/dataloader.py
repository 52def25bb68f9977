"""The data loader; names of ``torch.utils.data.dataloader``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.dataloader import *  # noqa: F403
from plugtorch.frontend.utils.data.dataloader import __all__ as _public
from plugtorch.frontend.utils.data.dataloader import (
    _BaseDataLoaderIter,
    _DatasetKind,
    _InfiniteConstantSampler,
    _MultiProcessingDataLoaderIter,
    _SingleProcessDataLoaderIter,
)

__all__ = [*_public, "_BaseDataLoaderIter", "_DatasetKind", "_InfiniteConstantSampler",
           "_MultiProcessingDataLoaderIter", "_SingleProcessDataLoaderIter"]
