"""Names of ``torch.utils.data.datapipes.map.combining``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.mapping import Concater as ConcaterMapDataPipe
from plugtorch.frontend.utils.data.datapipes.mapping import Zipper as ZipperMapDataPipe

__all__ = ["ConcaterMapDataPipe", "ZipperMapDataPipe"]
