"""``torch.ao.nn.intrinsic.quantized.modules.conv_relu``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.fused import ConvReLU1d, ConvReLU2d, ConvReLU3d

__all__ = ["ConvReLU1d", "ConvReLU2d", "ConvReLU3d"]
