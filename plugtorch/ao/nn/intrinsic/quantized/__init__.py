"""``torch.ao.nn.intrinsic.quantized``: quantised layers with an activation."""

from __future__ import annotations

from plugtorch.ao.nn.intrinsic.quantized import dynamic, modules
from plugtorch.frontend.ao.nn.quantized.fused import (
    BNReLU2d,
    BNReLU3d,
    ConvAdd2d,
    ConvAddReLU2d,
    ConvReLU1d,
    ConvReLU2d,
    ConvReLU3d,
    LinearLeakyReLU,
    LinearReLU,
    LinearTanh,
)

__all__ = ["BNReLU2d", "BNReLU3d", "ConvAdd2d", "ConvAddReLU2d", "ConvReLU1d", "ConvReLU2d", "ConvReLU3d",
           "LinearLeakyReLU", "LinearReLU", "LinearTanh", "dynamic", "modules"]
