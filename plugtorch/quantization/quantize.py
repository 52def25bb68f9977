"""``torch.quantization.quantize``."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization.quantize import *  # noqa: F403
from plugtorch.frontend.ao.quantization.quantize import __all__ as __all__
