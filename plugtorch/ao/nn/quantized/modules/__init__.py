"""All modules of ``torch.ao.nn.quantized``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.modules import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.modules import __all__ as __all__
