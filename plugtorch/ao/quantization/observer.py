"""``torch.ao.quantization.observer``."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization.histogram import *  # noqa: F403
from plugtorch.frontend.ao.quantization.histogram import __all__ as _more
from plugtorch.frontend.ao.quantization.observer import *  # noqa: F403
from plugtorch.frontend.ao.quantization.observer import __all__ as _names

__all__ = sorted([*_more, *_names])
