"""Names of ``torch.utils.data.datapipes.iter.callable``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import Collator as CollatorIterDataPipe
from plugtorch.frontend.utils.data.datapipes.iterating import Mapper as MapperIterDataPipe

__all__ = ["CollatorIterDataPipe", "MapperIterDataPipe"]
