"""Names of ``torch.utils.data.datapipes.iter.streamreader``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import StreamReader as StreamReaderIterDataPipe

__all__ = ["StreamReaderIterDataPipe"]
