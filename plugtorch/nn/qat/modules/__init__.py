"""Layers whose weights are rounded in training, ``torch.nn.qat``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.qat import Conv1d, Conv2d, Conv3d, Embedding, EmbeddingBag, Linear

__all__ = ["Conv1d", "Conv2d", "Conv3d", "Embedding", "EmbeddingBag", "Linear"]
