"""Names of ``torch.utils.data.datapipes.iter.combining``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import Concater as ConcaterIterDataPipe
from plugtorch.frontend.utils.data.datapipes.iterating import Demultiplexer as DemultiplexerIterDataPipe
from plugtorch.frontend.utils.data.datapipes.iterating import Forker as ForkerIterDataPipe
from plugtorch.frontend.utils.data.datapipes.iterating import Multiplexer as MultiplexerIterDataPipe
from plugtorch.frontend.utils.data.datapipes.iterating import Zipper as ZipperIterDataPipe

__all__ = ["ConcaterIterDataPipe", "DemultiplexerIterDataPipe", "ForkerIterDataPipe", "MultiplexerIterDataPipe",
           "ZipperIterDataPipe"]
