"""``torch.ao.nn.intrinsic.qat.modules.linear_fused``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.intrinsic_qat import LinearBn1d

__all__ = ["LinearBn1d"]
