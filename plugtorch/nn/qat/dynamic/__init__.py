"""``torch.nn.qat.dynamic``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.qat import DynamicLinear as Linear
from plugtorch.nn.qat.dynamic import modules

__all__ = ["Linear", "modules"]
