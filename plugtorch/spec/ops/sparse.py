"""Products with sparse matrices, given by the places and values of their entries."""

from __future__ import annotations

from ..op import derived


@derived("linalg")
def spmm(k, rows, columns, values, x, *, size):
    """The product of a sparse (size, m) matrix with a dense one (m, p): ``y[rows[e]] += values[e] * x[columns[e]]`` for
    every entry e. ``rows`` and ``columns`` are int64, (n,), in range and in any order; entries at one place add up."""
    parts = k.mul(k.reshape(values, shape=(*values.shape, 1)), k.take(x, columns, axis=0))
    zero = k.full(shape=(size, x.shape[1]), value=0, dtype=k.dtype_of(x), device=k.device_of(x))
    return k.index_add(zero, rows, parts, axis=0)
