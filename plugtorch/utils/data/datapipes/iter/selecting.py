"""Names of ``torch.utils.data.datapipes.iter.selecting``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import Filter as FilterIterDataPipe

__all__ = ["FilterIterDataPipe"]
