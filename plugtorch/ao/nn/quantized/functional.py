"""``torch.ao.nn.quantized.functional``: functions of quantised tensors."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.functional import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.functional import __all__ as __all__
