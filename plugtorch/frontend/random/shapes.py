"""Shapes of drawn arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence

Shape = int | Sequence[int]


def element_count(shape: Shape) -> int:
    """The number of elements of ``shape`` (an int is a 1-D shape). RuntimeError for negative sizes."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    for size in sizes:
        if size < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {size}: {list(sizes)}")
    return math.prod(sizes)
