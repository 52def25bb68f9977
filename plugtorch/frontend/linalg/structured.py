"""Matrices made of vectors, products of their elements, and choices among them."""

from __future__ import annotations

import itertools

from plugtorch.spec.dtypes import FLOAT, HALF, INT, int64

from ..dispatch import require_tensor, store, to_dtype
from ..joining import cat
from ..methods import exporter, method
from ..shaping import reshape, unsqueeze

__all__: list[str] = []
_export = exporter(__all__)


@_export
@method
def kron(input, other, *, out=None):
    """The Kronecker product: of each element of ``input`` with all of ``other``, blocks side by side; the shorter shape is
    filled with leading ones."""
    require_tensor(input, "kron")
    require_tensor(other, "kron", "other", 2)
    rank = max(input.dim(), other.dim())
    a = (1,) * (rank - input.dim()) + tuple(input._a.shape)
    b = (1,) * (rank - other.dim()) + tuple(other._a.shape)
    x = reshape(input, tuple(size for n in a for size in (n, 1)))
    y = reshape(other, tuple(size for n in b for size in (1, n)))
    return store(out, reshape(x * y, tuple(n * m for n, m in zip(a, b, strict=True))))


@_export
@method
def diagflat(input, offset=0):
    """A matrix with the elements of a tensor on a diagonal ``offset`` steps above the main one."""
    return reshape(input, (-1,)).diag_embed(offset)


def _powers(x, count):
    """``x ** 0 .. x ** (count - 1)`` along a new last dimension, as running products."""
    one = unsqueeze(x, -1) * 0 + 1
    if count <= 1:
        return one[..., :count]
    rest = unsqueeze(x, -1).expand(*x._a.shape, count - 1).cumprod(-1)
    return cat([to_dtype(one.detach(), rest.dtype), rest], -1)


@_export
def vander(x, N=None, increasing=False):  # noqa: N803
    """The matrix (n, N) of powers of a vector's elements, from ``N - 1`` down to 0, or with ``increasing`` from 0 up.

    Raises:
        RuntimeError: no vector, or N is negative.
    """
    if x.dim() != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x._a.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    if x.dtype.category <= INT:
        x = to_dtype(x, int64)
    powers = _powers(x, count)
    return powers if increasing else powers.flip(-1)


def linalg_vander(x, N=None):  # noqa: N803
    """Powers from 0 to ``N - 1`` of the elements of vectors (..., n), in matrices (..., n, N).

    Raises:
        RuntimeError: a dtype that is bool or of half precision, no vector, or N is not greater than 1.
    """
    if x.dtype.category < INT or x.dtype in HALF:
        raise RuntimeError(f"linalg.vander supports floating point, complex, and integer tensors, but got {x.dtype.legacy}")
    if x.dim() < 1:
        x = unsqueeze(x, 0)
    count = x._a.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    if x.dtype.category < FLOAT:
        x = to_dtype(x, int64)
    return _powers(x, count)


linalg_vander.__name__ = linalg_vander.__qualname__ = "vander"


@_export
def combinations(input, r=2, with_replacement=False):
    """All choices of r elements of a vector in its order, as rows.

    Raises:
        RuntimeError: no vector, or r is negative.
    """
    if input.dim() != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input._a.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty(0)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = list(itertools.chain.from_iterable(choose(range(input._a.shape[0]), r)))
    index = input.new_tensor(places, dtype=int64)
    return reshape(input.index_select(0, index), (-1, r) if places else (0, r))


def linalg_diagonal(A, *, offset=0, dim1=-2, dim2=-1):  # noqa: N803
    """A view of the diagonals ``offset`` steps above the main one of matrices in two dimensions, moved last."""
    return A.diagonal(offset, dim1, dim2)


linalg_diagonal.__name__ = linalg_diagonal.__qualname__ = "diagonal"
