"""``torch.nn.qat.modules.conv``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.qat import Conv1d, Conv2d, Conv3d

__all__ = ["Conv1d", "Conv2d", "Conv3d"]
