"""``torch.ao.quantization.fake_quantize``."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization.fake_quantize import *  # noqa: F403
from plugtorch.frontend.ao.quantization.fake_quantize import __all__ as __all__
