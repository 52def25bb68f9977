"""``torch.nn.intrinsic.qat.modules.linear_relu``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.intrinsic_qat import LinearReLU

__all__ = ["LinearReLU"]
