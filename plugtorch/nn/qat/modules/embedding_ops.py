"""``torch.nn.qat.modules.embedding_ops``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.qat import Embedding, EmbeddingBag

__all__ = ["Embedding", "EmbeddingBag"]
