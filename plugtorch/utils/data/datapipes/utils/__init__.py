"""Parts of the steps that read files; names of ``torch.utils.data.datapipes.utils``."""

from __future__ import annotations

from . import common, decoder

__all__ = ["common", "decoder"]
