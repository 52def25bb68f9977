"""Quantised layers with an activation, ``torch.nn.intrinsic.quantized``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.fused import BNReLU2d, BNReLU3d, ConvReLU1d, ConvReLU2d, ConvReLU3d, LinearReLU

__all__ = ["BNReLU2d", "BNReLU3d", "ConvReLU1d", "ConvReLU2d", "ConvReLU3d", "LinearReLU"]
