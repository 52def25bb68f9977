"""All modules of ``torch.nn.quantized.dynamic``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.dynamic import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.dynamic import __all__ as __all__
