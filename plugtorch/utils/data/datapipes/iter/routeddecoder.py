"""Names of ``torch.utils.data.datapipes.iter.routeddecoder``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.decoding import RoutedDecoder as RoutedDecoderIterDataPipe

__all__ = ["RoutedDecoderIterDataPipe"]
