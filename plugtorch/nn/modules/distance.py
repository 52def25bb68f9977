"""Public path of distance."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.distance import CosineSimilarity, PairwiseDistance

__all__ = [
    "CosineSimilarity",
    "PairwiseDistance",
]
