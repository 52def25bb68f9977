"""Names of ``torch.utils.data.datapipes.map.callable``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.mapping import Mapper as MapperMapDataPipe
from plugtorch.frontend.utils.data.datapipes.mapping import default_fn

__all__ = ["MapperMapDataPipe", "default_fn"]
