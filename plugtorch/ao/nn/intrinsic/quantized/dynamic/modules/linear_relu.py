"""``torch.ao.nn.intrinsic.quantized.dynamic.modules.linear_relu``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.fused import DynamicLinearReLU as LinearReLU

__all__ = ["LinearReLU"]
