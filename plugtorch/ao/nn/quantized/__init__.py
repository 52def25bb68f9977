"""``torch.ao.nn.quantized``: layers with quantised weights, on quantised tensors."""

from __future__ import annotations

from plugtorch.ao.nn.quantized import dynamic as dynamic
from plugtorch.ao.nn.quantized import functional as functional
from plugtorch.ao.nn.quantized import modules as modules
from plugtorch.frontend.ao.nn.quantized.modules import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.modules import __all__ as __all__
