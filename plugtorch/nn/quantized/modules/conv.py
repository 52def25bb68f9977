"""``torch.nn.quantized.modules.conv``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.conv import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.conv import __all__ as __all__
