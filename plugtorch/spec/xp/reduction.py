"""Reductions, scans and sorting over ``xp``."""

from __future__ import annotations

import math

from ..dtypes import float32, float64, int64


def _empty(x, axis):
    return math.prod(x.shape[i] for i in axis) == 0 if axis else False


class ReductionKernels:
    """Reduction primitives; ``axis`` is a tuple.

    Attributes:
        running_sums: whether the library adds one element after the other, which for a million of float32 would be off in
            the third digit: such sums then run in double precision.
    """

    running_sums = True

    def _accumulator(self, x):
        """dtype in which a sum runs, or None for the array's own."""
        if x.dtype.kind in "iub":
            return self.native(int64)
        if self.running_sums and x.dtype.itemsize == 4:
            return self.native(float64)
        return self.native(float32) if x.dtype.itemsize == 2 else None

    def _sum_like(self, f, x, axis, keepdims):
        wide = self._accumulator(x)
        y = f(x, axis=axis, keepdims=keepdims, dtype=wide)
        return self.array(y if wide is None or x.dtype.kind in "iub" else y.astype(x.dtype))

    def sum(self, x, *, axis, keepdims=False):
        return self._sum_like(self.xp.sum, x, axis, keepdims)

    def prod(self, x, *, axis, keepdims=False):
        return self._sum_like(self.xp.prod, x, axis, keepdims)

    def _extreme(self, f, name, x, axis, keepdims):
        if _empty(x, axis):
            raise IndexError(f"{name}(): Expected reduction dim to have non-zero size, got shape {list(x.shape)} "
                             f"and dim {list(axis)}")
        return self.array(f(x, axis=axis, keepdims=keepdims))

    def max(self, x, *, axis, keepdims=False):
        return self._extreme(self.xp.max, "max", x, axis, keepdims)

    def min(self, x, *, axis, keepdims=False):
        return self._extreme(self.xp.min, "min", x, axis, keepdims)

    def any(self, x, *, axis, keepdims=False):
        return self.array(self.xp.any(x, axis=axis, keepdims=keepdims))

    def all(self, x, *, axis, keepdims=False):
        return self.array(self.xp.all(x, axis=axis, keepdims=keepdims))

    def argmax(self, x, *, axis, keepdims=False):
        return self.array(self.xp.argmax(x, axis=axis, keepdims=keepdims).astype(self.native(int64)))

    def argmin(self, x, *, axis, keepdims=False):
        return self.array(self.xp.argmin(x, axis=axis, keepdims=keepdims).astype(self.native(int64)))

    def _running(self, f, x, axis):
        wide = self._accumulator(x)
        y = f(x, axis=axis, dtype=wide)
        return self.array(y if wide is None or x.dtype.kind in "iub" else y.astype(x.dtype))

    def cumsum(self, x, *, axis):
        return self._running(self.xp.cumsum, x, axis)

    def cumprod(self, x, *, axis):
        return self._running(self.xp.cumprod, x, axis)

    def sort(self, x, *, axis, descending=False):
        xp = self.xp
        if not x.shape:
            return self.copy(x), xp.zeros((), self.native(int64))
        if descending:
            # A stable descending order is the stable ascending order of the reversed line, read backwards.
            order = xp.flip(x.shape[axis] - 1 - self._stable_order(xp.flip(x, axis=axis), axis), axis=axis)
        else:
            order = self._stable_order(x, axis)
        order = order.astype(self.native(int64))
        return xp.take_along_axis(x, order, axis=axis), order

    def _stable_order(self, x, axis):
        return self.xp.argsort(x, axis=axis, kind="stable")
