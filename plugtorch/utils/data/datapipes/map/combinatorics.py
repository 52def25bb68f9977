"""Names of ``torch.utils.data.datapipes.map.combinatorics``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.mapping import Shuffler as ShufflerIterDataPipe

__all__ = ["ShufflerIterDataPipe"]
