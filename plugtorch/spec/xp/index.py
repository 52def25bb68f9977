"""Index kernels over ``xp``, for libraries with mutable arrays and ``ufunc.at``."""

from __future__ import annotations

from ..dtypes import int64
from .shape import as_slices


class IndexKernels:
    """Reading and writing by index."""

    def take(self, x, i, *, axis):
        return self.array(self.xp.take(x, i, axis=axis))

    def _along(self, i, axis):
        """Index tuple that aligns with ``i`` on every axis but one."""
        xp, ndim = self.xp, i.ndim
        grid = [xp.arange(n).reshape((1,) * d + (n,) + (1,) * (ndim - d - 1)) for d, n in enumerate(i.shape)]
        grid[axis] = i
        return tuple(grid)

    def gather(self, x, i, *, axis):
        if not x.shape:
            return self.copy(self.xp.broadcast_to(x, i.shape))
        return self.array(x[self._along(i, axis)])

    def scatter(self, x, i, s, *, axis, mode="set"):
        y = self.copy(x)
        if not x.shape:
            return self.scatter(y.reshape(1), i.reshape(1), s.reshape(1), axis=0, mode=mode).reshape(())
        s = s[tuple(slice(0, n) for n in i.shape)]
        self._combine(y, self._along(i, axis), s, mode)
        return y

    def _combine(self, y, where, s, mode):
        """Writes s into y at an index tuple; duplicates combine by ``mode``."""
        if mode == "set":
            y[where] = s
        else:
            xp = self.xp
            at = {"add": xp.add, "mul": xp.multiply, "max": xp.maximum, "min": xp.minimum}[mode]
            at.at(y, where, s)

    @staticmethod
    def _full_index(idx):
        return tuple(slice(None) if i is None else i for i in idx)

    def index(self, x, *idx):
        return self.array(x[self._full_index(idx)])

    def index_put(self, x, v, *idx, accumulate=False):
        y = self.copy(x)
        self._combine(y, self._full_index(idx), v, "add" if accumulate else "set")
        return y

    def slice_put(self, x, v, *, start, stop, step):
        y = self.copy(x)
        y[as_slices(start, stop, step)] = v
        return y

    def nonzero(self, x, *, size=None):
        xp = self.xp
        if not x.shape:
            count = int(bool(x)) if size is None else size
            return xp.zeros((count, 0), self.native(int64))
        found = xp.stack(xp.nonzero(x), axis=1).astype(self.native(int64))
        if size is None:
            return found
        fixed = xp.zeros((size, x.ndim), self.native(int64))
        fixed[: min(size, len(found))] = found[:size]
        return fixed
