"""``torch.ao.nn.qat.dynamic.modules.linear``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.qat import DynamicLinear as Linear

__all__ = ["Linear"]
