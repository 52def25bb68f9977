"""Steps of streams; names of ``torch.utils.data.datapipes.iter``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.decoding import RoutedDecoder
from plugtorch.frontend.utils.data.datapipes.iterating import *  # noqa: F403
from plugtorch.frontend.utils.data.datapipes.iterating import __all__ as _names

__all__ = [*_names, "RoutedDecoder"]
