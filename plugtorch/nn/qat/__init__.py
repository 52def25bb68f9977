"""``torch.nn.qat``: layers whose weights are rounded in training."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.qat import Conv1d, Conv2d, Conv3d, Embedding, EmbeddingBag, Linear
from plugtorch.nn.qat import dynamic, modules

__all__ = ["Conv1d", "Conv2d", "Conv3d", "Embedding", "EmbeddingBag", "Linear", "dynamic", "modules"]
