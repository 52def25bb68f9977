"""``torch.nn.quantized.modules.batchnorm``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.normalization import BatchNorm2d, BatchNorm3d

__all__ = ["BatchNorm2d", "BatchNorm3d"]
