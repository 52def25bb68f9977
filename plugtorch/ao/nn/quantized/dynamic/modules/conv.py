"""``torch.ao.nn.quantized.dynamic.modules.conv``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.dynamic import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]
