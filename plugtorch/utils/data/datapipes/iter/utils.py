"""Names of ``torch.utils.data.datapipes.iter.utils``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import IterableWrapper as IterableWrapperIterDataPipe

__all__ = ["IterableWrapperIterDataPipe"]
