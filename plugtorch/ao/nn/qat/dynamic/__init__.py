"""``torch.ao.nn.qat.dynamic``."""

from __future__ import annotations

from plugtorch.ao.nn.qat.dynamic import modules
from plugtorch.frontend.ao.nn.qat import DynamicLinear as Linear

__all__ = ["Linear", "modules"]
