"""Quantised layers with an activation, ``torch.ao.nn.intrinsic.quantized``."""

from __future__ import annotations

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
           "LinearLeakyReLU", "LinearReLU", "LinearTanh"]
