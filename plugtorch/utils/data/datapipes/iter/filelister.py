"""Names of ``torch.utils.data.datapipes.iter.filelister``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import FileLister as FileListerIterDataPipe

__all__ = ["FileListerIterDataPipe"]
