"""Products with sparse matrices on NumPy arrays: by SciPy where it is installed."""

from __future__ import annotations

import functools

import numpy as np

from plugtorch.spec.op import OPS

from .half import halved
from .quiet import QUIET


@functools.cache
def _coo_array():
    """SciPy's class of sparse matrices, or None without SciPy."""
    try:
        from scipy.sparse import coo_array
    except ImportError:
        return None
    return coo_array


class NumpySparse:
    """Sums over the entries of a sparse matrix."""

    @halved
    def spmm(self, rows, columns, values, x, *, size):
        make = _coo_array()
        if make is None or values.dtype.kind not in "fc":
            return OPS["spmm"].body(self, rows, columns, values, x, size=size)
        matrix = make((values, (rows, columns)), shape=(size, x.shape[0]))
        return np.ascontiguousarray(QUIET.run(matrix.dot, x))
