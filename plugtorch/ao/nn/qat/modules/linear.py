"""``torch.ao.nn.qat.modules.linear``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.qat import Linear

__all__ = ["Linear"]
