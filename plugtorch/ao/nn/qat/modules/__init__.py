"""Layers whose weights are rounded in training, ``torch.ao.nn.qat``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.qat import Conv1d, Conv2d, Conv3d, Embedding, EmbeddingBag, Linear

__all__ = ["Conv1d", "Conv2d", "Conv3d", "Embedding", "EmbeddingBag", "Linear"]
