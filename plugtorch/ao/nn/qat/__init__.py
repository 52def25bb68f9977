"""``torch.ao.nn.qat``: layers whose weights are rounded in training."""

from __future__ import annotations

from plugtorch.ao.nn.qat import dynamic, modules
from plugtorch.frontend.ao.nn.qat import Conv1d, Conv2d, Conv3d, Embedding, EmbeddingBag, Linear

__all__ = ["Conv1d", "Conv2d", "Conv3d", "Embedding", "EmbeddingBag", "Linear", "dynamic", "modules"]
