"""Reductions, scans and sorting on NumPy arrays."""

from __future__ import annotations

from math import prod

import numpy as np

from plugtorch.spec.xp.reduction import ReductionKernels

from .half import F32, HALF, halved, is_half
from .nn.conv import column_sum
from .quiet import QUIET, silent

asarray = np.asarray
# Terms added one after the other before a partial sum is put aside.
RUN = 128
# Rows up to this long are summed by a product with ones.
NARROW = 1024
WIDER = {"float32": np.dtype(np.float64), "complex64": np.dtype(np.complex128)}


class NumpyReduction(ReductionKernels):
    """Sums with a bounded error, and ways around the slow axes of argmax."""

    def sum(self, x, *, axis, keepdims=False):
        kind = x.dtype.kind
        if kind in "fc" and x.itemsize > 2 and (
                x.shape[axis[0]] <= RUN if len(axis) == 1 else len(axis) == x.ndim and x.flags.c_contiguous):
            y = QUIET.run(np.add.reduce, x, axis=axis, keepdims=keepdims)
            return y if type(y) is np.ndarray else asarray(y)
        if kind in "iub":
            return asarray(np.add.reduce(x, axis=axis, keepdims=keepdims, dtype=np.int64))
        if is_half(x):
            half = x.dtype
            y = QUIET.run(_sum, x.astype(F32), axis)
            return _shaped(y.astype(half), x.shape, axis, keepdims)
        return _shaped(QUIET.run(_sum, x, axis), x.shape, axis, keepdims)

    def mean(self, x, *, axis, keepdims=False):
        if x.dtype.char not in "fd" or not x.size:
            return super().mean(x, axis=axis, keepdims=keepdims)
        y = self.sum(x, axis=axis, keepdims=keepdims)
        return QUIET.run(np.multiply, y, 1 / prod([x.shape[i] for i in axis]), y)

    @silent
    @halved
    def prod(self, x, *, axis, keepdims=False):
        wide = np.int64 if x.dtype.kind in "iub" else None
        return asarray(np.multiply.reduce(x, axis=axis, keepdims=keepdims, dtype=wide))

    @silent
    def max(self, x, *, axis, keepdims=False):
        return super().max(x, axis=axis, keepdims=keepdims)

    @silent
    def min(self, x, *, axis, keepdims=False):
        return super().min(x, axis=axis, keepdims=keepdims)

    def argmax(self, x, *, axis, keepdims=False):
        return _first_index(np.argmax, x, axis, keepdims)

    def argmin(self, x, *, axis, keepdims=False):
        return _first_index(np.argmin, x, axis, keepdims)

    @silent
    def cumsum(self, x, *, axis):
        return _running(np.add, x, axis)

    @silent
    def cumprod(self, x, *, axis):
        return _running(np.multiply, x, axis)

    def _stable_order(self, x, axis):
        if x.dtype in HALF:
            x = x.astype(F32)
        return np.argsort(x, axis=axis, kind="stable")


def _shaped(y, shape, axis, keepdims):
    if keepdims:
        y = asarray(y).reshape([1 if i in axis else n for i, n in enumerate(shape)])
    return y if type(y) is np.ndarray else asarray(y)


def _sum(x, axis):
    """Sum over axes without keeping them; no more than RUN terms are added one after the other.

    NumPy sums along the innermost axis of memory in pairs, but adds whole rows along the outer ones.
    """
    if not axis:
        return x.copy()
    count = prod([x.shape[i] for i in axis])
    if count <= RUN or not x.size:
        return np.add.reduce(x, axis=axis)
    if axis[-1] == len(axis) - 1 and x.flags.c_contiguous and len(axis) < x.ndim:
        width = x.size // count
        if width <= NARROW:
            return column_sum(x.reshape(count, width)).reshape(x.shape[len(axis):])
    longest = max(axis, key=lambda i: (x.strides[i] != x.itemsize, x.shape[i]))
    n = x.shape[longest]
    if n <= RUN or x.strides[longest] == x.itemsize:
        return np.add.reduce(x, axis=axis)
    run = max(RUN, int(n**0.5))
    whole = n // run * run
    lead = (slice(None),) * longest
    head = x[(*lead, slice(0, whole))]
    head = head.reshape(*x.shape[:longest], whole // run, run, *x.shape[longest + 1:])
    # The partial sums come first, so that the second pass adds few whole rows.
    partial = np.add.reduce(np.moveaxis(head, longest, 0), axis=tuple(i + 1 for i in axis))
    total = np.add.reduce(partial, axis=0)
    if whole < n:
        total = total + np.add.reduce(x[(*lead, slice(whole, n))], axis=axis)
    return total


def _first_index(f, x, axis, keepdims):
    if is_half(x):
        x = x.astype(F32)
    if axis < x.ndim - 1 and x.size > 4096:
        # The search runs several times faster along rows of memory.
        y = f(np.ascontiguousarray(np.moveaxis(x, axis, -1)), axis=-1)
        y = np.expand_dims(y, axis) if keepdims else y
    else:
        y = f(x, axis=axis, keepdims=keepdims)
    return asarray(y, np.int64)


def _running(ufunc, x, axis):
    """A running total in the next wider type, as the error of each step stays in all later ones."""
    if not x.shape:
        return x.astype(np.int64) if x.dtype.kind in "iub" else x.copy()
    if x.dtype.kind in "iub":
        return ufunc.accumulate(x, axis=axis, dtype=np.int64)
    if is_half(x):
        return ufunc.accumulate(x.astype(F32), axis=axis).astype(x.dtype)
    wide = WIDER.get(x.dtype.name)
    if wide is None:
        return ufunc.accumulate(x, axis=axis)
    return ufunc.accumulate(x, axis=axis, dtype=wide).astype(x.dtype)
