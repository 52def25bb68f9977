"""Samples of products with sparse matrices."""

from __future__ import annotations

import numpy as np

from .sample import complexes, declare, integers, normal, sample

declare(__name__)


def product(rows, columns, values, x, size):
    y = np.zeros((size, x.shape[1]), x.dtype)
    for i, j, v in zip(rows, columns, values):
        y[i] += v * x[j]
    return y


_rows, _columns = np.array([2, 0, 2, 2, 3]), np.array([1, 1, 0, 1, 2])
sample("spmm", product, _rows, _columns, normal(5), normal(3, 4), size=5)
sample("spmm", product, _rows, _columns, complexes(5), complexes(3, 2), size=4)
sample("spmm", product, _rows, _columns, normal(5), normal(3, 1), size=4)
sample("spmm", product, integers(0, 6, 40), integers(0, 7, 40), normal(40), normal(7, 3), size=6)
sample("spmm", product, _rows, _columns, integers(-3, 4, 5), integers(-3, 4, 3, 2), size=4)
sample("spmm", product, np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), normal(3, 2), size=2, grad=False)
sample("spmm", product, _rows, _columns, normal(5), np.zeros((3, 0)), size=4, grad=False)
