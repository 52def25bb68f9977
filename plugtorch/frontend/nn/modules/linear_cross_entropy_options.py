"""How linear_cross_entropy splits the batch."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from plugtorch.frontend.nn.functional.linear_loss import aspect_ratio

__all__ = ["LinearCrossEntropyOptions"]
_POLICIES = ("accurate", "balanced", "compact", "auto")


@dataclasses.dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """Settings of :func:`linear_cross_entropy` for a large number of classes: logits for a piece of the batch at a time.

    Args:
        allow_retain_graph: no difference here: the graph may always be kept.
        batch_chunk_size: rows of the batch in one piece; None leaves it to the method.
        chunking_method: "aspect_ratio:K" gives pieces whose logits hold about 1/K as many elements as the input: with N
        rows,
            N in / C, rounded up to a power of 2, over K (Hsu et al., arXiv:2410.10989). "aspect_ratio" is K = 1, "auto" is
            K = 2, and None does not split.
        acc_policy, acc_dtype: how PyTorch's kernel adds up gradients; here autograd does, in the parameters' dtype.

    Raises:
        ValueError: a value that is none of these.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: Literal["accurate", "balanced", "compact", "auto"] = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        size = self.batch_chunk_size
        if size is not None and (not isinstance(size, int) or size <= 0):
            raise ValueError(f"batch_chunk_size must be positive int or None, got {size}")
        if self.chunking_method is not None and aspect_ratio(self.chunking_method) is None:
            raise ValueError(f"invalid chunking_method: {self.chunking_method!r}")
        if self.acc_policy not in _POLICIES:
            raise ValueError(f"invalid acc_policy: {self.acc_policy!r}")
