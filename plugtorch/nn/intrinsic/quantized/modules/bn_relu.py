"""``torch.nn.intrinsic.quantized.modules.bn_relu``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.fused import BNReLU2d, BNReLU3d

__all__ = ["BNReLU2d", "BNReLU3d"]
