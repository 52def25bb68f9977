"""``torch.ao.nn.intrinsic.quantized.dynamic.modules``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.fused import DynamicLinearReLU as LinearReLU

__all__ = ["LinearReLU"]
