"""``torch.ao.nn.intrinsic.quantized.modules.conv_add``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.fused import ConvAdd2d, ConvAddReLU2d

__all__ = ["ConvAdd2d", "ConvAddReLU2d"]
