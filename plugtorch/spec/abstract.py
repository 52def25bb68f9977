"""Arrays without data: a shape and a dtype, and the rules that combine them."""

from __future__ import annotations

import math

from .dtypes import DType, bfloat16, bool_, float16, float32, int64, number_category

NUMBERS = (bool, int, float, complex)


class Abstract:
    """What is known of an array before it is computed.

    Attributes:
        shape: tuple of ints.
        dtype: a :class:`~plugtorch.spec.dtypes.DType`.
    """

    __slots__ = ("shape", "dtype")

    def __init__(self, shape, dtype: DType):
        self.shape, self.dtype = tuple(shape), dtype

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        return math.prod(self.shape)

    def __eq__(self, other):
        return isinstance(other, Abstract) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self):
        return hash((self.shape, self.dtype))

    def __repr__(self):
        return f"{self.dtype.name}{list(self.shape)}"


def broadcast_shapes(*shapes):
    """The common shape under NumPy's and PyTorch's broadcasting.

    Raises:
        RuntimeError: two sizes differ and neither is 1 (PyTorch's wording).
    """
    ndim = max(map(len, shapes), default=0)
    out = [1] * ndim
    for shape in shapes:
        for i, n in enumerate(shape, ndim - len(shape)):
            if n != 1 and out[i] != n:
                if out[i] != 1:
                    raise RuntimeError(
                        f"The size of tensor a ({out[i]}) must match the size of tensor b ({n}) "
                        f"at non-singleton dimension {i}"
                    )
                out[i] = n
    return tuple(out)


def elementwise(*operands, dtype=None):
    """Broadcast operands of one dtype; Python numbers and ``None`` take the others' type."""
    arrays = [o for o in operands if isinstance(o, Abstract)]
    return Abstract(broadcast_shapes(*(a.shape for a in arrays)), dtype or arrays[0].dtype)


def predicate(*operands):
    """A boolean result of the broadcast shape."""
    return elementwise(*operands, dtype=bool_)


def reduce_shape(shape, axis, keepdims):
    if keepdims:
        return tuple(1 if i in axis else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axis)


def reduced(x, axis, keepdims, dtype=None):
    return Abstract(reduce_shape(x.shape, axis, keepdims), dtype or x.dtype)


def sum_dtype(dtype: DType) -> DType:
    """Type of a sum or product: integers and bool accumulate in int64."""
    return dtype if dtype.differentiable else int64


def compute_dtype(dtype: DType) -> DType:
    """Type in which a half-precision result is computed."""
    return float32 if dtype in (float16, bfloat16) else dtype


def is_number(value) -> bool:
    return isinstance(value, NUMBERS)


__all__ = [
    "Abstract", "broadcast_shapes", "compute_dtype", "elementwise", "is_number",
    "number_category", "predicate", "reduce_shape", "reduced", "sum_dtype",
]
