"""Public path of embeddings."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.sparse import Embedding, EmbeddingBag

__all__ = [
    "Embedding",
    "EmbeddingBag",
]
