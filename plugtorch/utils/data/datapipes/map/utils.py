"""Names of ``torch.utils.data.datapipes.map.utils``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.mapping import SequenceWrapper as SequenceWrapperMapDataPipe

__all__ = ["SequenceWrapperMapDataPipe"]
