"""``torch.nn.intrinsic.quantized``: quantised layers with an activation."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.fused import BNReLU2d, BNReLU3d, ConvReLU1d, ConvReLU2d, ConvReLU3d, LinearReLU
from plugtorch.nn.intrinsic.quantized import dynamic, modules

__all__ = ["BNReLU2d", "BNReLU3d", "ConvReLU1d", "ConvReLU2d", "ConvReLU3d", "LinearReLU", "dynamic", "modules"]
