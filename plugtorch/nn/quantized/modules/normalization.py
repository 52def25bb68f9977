"""``torch.nn.quantized.modules.normalization``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.normalization import (
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
)

__all__ = ["GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LayerNorm"]
