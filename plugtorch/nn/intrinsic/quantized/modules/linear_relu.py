"""``torch.nn.intrinsic.quantized.modules.linear_relu``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.fused import LinearReLU

__all__ = ["LinearReLU"]
