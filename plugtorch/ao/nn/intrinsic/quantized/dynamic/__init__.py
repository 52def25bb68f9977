"""``torch.ao.nn.intrinsic.quantized.dynamic``."""

from __future__ import annotations

from plugtorch.ao.nn.intrinsic.quantized.dynamic import modules
from plugtorch.frontend.ao.nn.quantized.fused import DynamicLinearReLU as LinearReLU

__all__ = ["LinearReLU", "modules"]
