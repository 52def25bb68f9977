"""Index kernels on NumPy arrays: sums by index without ``ufunc.at`` where that is slow."""

from __future__ import annotations

import functools
from math import prod

import numpy as np

from plugtorch.spec.xp.index import IndexKernels
from plugtorch.spec.xp.shape import as_slices

from .half import F32, halved, is_half
from .nn.embedding import embedding_backward as sum_rows
from .quiet import QUIET

# With fewer updates than this per element of the result, counting over the whole result costs more than ufunc.at.
DENSE = 1 / 8


@functools.lru_cache(maxsize=32)
def _numbers(n):
    return np.arange(n)


class NumpyIndex(IndexKernels):
    """Scattered sums."""

    @halved
    def scatter(self, x, i, s, *, axis, mode="set"):
        return super().scatter(x, i, s, axis=axis, mode=mode)

    @halved
    def index_put(self, x, v, *idx, accumulate=False):
        return super().index_put(x, v, *idx, accumulate=accumulate)

    def pick(self, x, i, *, axis):
        if x.ndim != 2 or axis != 1 or not x.size:
            return super().pick(x, i, axis=axis)
        return x[_numbers(len(x)), i]

    def pick_backward(self, g, i, *, axis, size):
        if g.ndim != 1 or axis != 1:
            return super().pick_backward(g, i, axis=axis, size=size)
        y = np.zeros((len(g), size), g.dtype)
        if size:
            y[_numbers(len(g)), i] = g
        return y

    def slice_backward(self, g, *, shape, start, stop, step):
        y = np.zeros(shape, g.dtype)
        y[as_slices(start, stop, step)] = g
        return y

    def _combine(self, y, where, s, mode):
        if not y.size:
            return
        if mode != "add" or y.dtype.kind not in "fc":
            QUIET.run(super()._combine, y, where, s, mode)
            return
        if isinstance(where[0], np.ndarray) and all(isinstance(i, slice) for i in where[1:]):
            rows = where[0].reshape(-1)
            width = prod(y.shape[1:])
            s = np.broadcast_to(s, (*where[0].shape, *y.shape[1:])).reshape(len(rows), width)
            if width > 1:
                y += sum_rows(s, rows, num_rows=len(y)).reshape(y.shape)
            else:
                self._add_flat(y, rows, s.reshape(-1))
            return
        if any(isinstance(i, slice) for i in where):
            super()._combine(y, where, s, mode)
            return
        places = np.broadcast_arrays(*where)
        flat = np.ravel_multi_index(places, y.shape[:len(places)]) if places[0].size else places[0]
        rest = y.shape[len(places):]
        s = np.broadcast_to(s, (*places[0].shape, *rest))
        if prod(rest) == 1:
            self._add_flat(y, flat.reshape(-1), s.reshape(-1))
        else:
            rows = y.reshape(-1, prod(rest))
            rows += sum_rows(s.reshape(flat.size, prod(rest)), flat.reshape(-1), num_rows=len(rows))

    @staticmethod
    def _add_flat(y, flat, s):
        """``y.flat[flat] += s`` with repeats; y is in C order."""
        line = y.reshape(-1)
        if flat.size < DENSE * line.size or y.dtype.kind == "c" or y.dtype.itemsize < 4:
            np.add.at(line, flat, s)
        else:
            # The sums run in double precision.
            line += np.bincount(flat, s, line.size).astype(line.dtype)

    @halved
    def index_add(self, x, i, s, *, axis):
        if not s.size:
            return x.copy()
        if axis or x.dtype.kind not in "fc" or x.ndim == 1:
            return super().index_add(x, i, s, axis=axis)
        y = sum_rows(s.reshape(len(s), prod(s.shape[1:])), i, num_rows=len(x)).reshape(x.shape)
        return np.add(y, x, out=y)

    def embedding_backward(self, g, i, *, rows, padding_idx=-1):
        half = g.dtype if is_half(g) else None
        y = sum_rows(g.astype(F32) if half else g, i, num_rows=rows)
        if padding_idx >= 0:
            y[padding_idx] = 0
        return y.astype(half) if half else y

    def take(self, x, i, *, axis):
        y = x.take(i, axis=axis)
        return y if type(y) is np.ndarray else np.asarray(y)
