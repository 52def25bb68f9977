"""``torch.ao.nn.quantized.dynamic.modules.linear``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.dynamic import Linear

__all__ = ["Linear"]
