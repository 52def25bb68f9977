"""Names of ``torch.utils.data.datapipes.iter.combinatorics``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import Sampler as SamplerIterDataPipe
from plugtorch.frontend.utils.data.datapipes.iterating import Shuffler as ShufflerIterDataPipe

__all__ = ["SamplerIterDataPipe", "ShufflerIterDataPipe"]
