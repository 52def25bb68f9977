"""``torch.ao.nn.quantized.modules.activation``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.activation import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.activation import __all__ as __all__
