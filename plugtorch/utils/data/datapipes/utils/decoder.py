"""Names of ``torch.utils.data.datapipes.utils.decoder``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.decoding import *  # noqa: F403
from plugtorch.frontend.utils.data.datapipes.decoding import __all__ as _names

__all__ = [name for name in _names if name != "RoutedDecoder"]
