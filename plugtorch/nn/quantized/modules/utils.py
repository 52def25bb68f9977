"""``torch.nn.quantized.modules.utils``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.utils import WeightedQuantizedModule

__all__ = ["WeightedQuantizedModule"]
