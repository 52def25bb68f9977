"""``torch.nn.quantized.modules.linear``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.linear import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.linear import __all__ as __all__
