"""``torch.ao.nn.intrinsic.quantized.modules.linear_relu``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.fused import LinearLeakyReLU, LinearReLU, LinearTanh

__all__ = ["LinearLeakyReLU", "LinearReLU", "LinearTanh"]
