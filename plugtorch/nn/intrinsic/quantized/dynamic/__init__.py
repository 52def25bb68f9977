"""``torch.nn.intrinsic.quantized.dynamic``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.fused import DynamicLinearReLU as LinearReLU
from plugtorch.nn.intrinsic.quantized.dynamic import modules

__all__ = ["LinearReLU", "modules"]
