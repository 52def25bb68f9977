"""Names of ``torch.utils.data.datapipes.iter.fileopener``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import FileOpener as FileOpenerIterDataPipe

__all__ = ["FileOpenerIterDataPipe"]
