"""Softmax and log-softmax along one axis, with their adjoints, on blocks that stay in cache.

The maximum is subtracted first, so nothing overflows.  That of each row is costly to find in rows of a few
hundred elements, and the result does not depend on what is subtracted; so where a whole block holds no large
number and no row of it sums to almost nothing, nothing is.  A row of minus infinities gives NaN.
"""

from __future__ import annotations

from math import exp, prod

import numpy as np

from .correlate import BLOCK_BYTES

__all__ = ["few_rows", "log_softmax", "log_softmax_backward", "log_softmax_backward_rows", "log_softmax_rows", "softmax",
           "softmax_backward"]

SOFTMAX_BLOCK_BYTES = BLOCK_BYTES // 4
# Largest element for which a block goes without subtraction.  exp stays far from overflow at either; the
# result of log_softmax is a difference with a logarithm of that size, whose rounding error must stay small.
SOFTMAX_SAFE, LOG_SOFTMAX_SAFE = 40.0, 8.0
SUM_SAFE, EXP_SAFE = 1e-3, exp(LOG_SOFTMAX_SAFE)
# Rows up to this long are reduced column by column: a reduction call costs more per row than it adds up.
NARROW = 32
# Matrices up to these sizes are dealt with in one piece, with as few calls as can be.
FEW_ROWS, FEW_ELEMENTS = 256, 1 << 13


def softmax(x, *, axis):
    """``exp(x) / sum(exp(x))`` along ``axis``; the shape and dtype of ``x`` (float)."""
    return _blockwise(_softmax_block, axis, x)


def log_softmax(x, *, axis):
    """``x - log(sum(exp(x)))`` along ``axis``; the shape and dtype of ``x`` (float)."""
    return _blockwise(_log_softmax_block, axis, x)


def softmax_backward(g, y, *, axis):
    """Gradient ``y * (g - sum(g * y))`` of `softmax`, from its result ``y``."""
    return _blockwise(_softmax_backward_block, axis, g, y)


def log_softmax_backward(g, y, *, axis):
    """Gradient ``g - exp(y) * sum(g)`` of `log_softmax`, from its result ``y``."""
    return _blockwise(_log_softmax_backward_block, axis, g, y)


def few_rows(x, axis):
    """Whether x is a small contiguous float matrix, and ``axis`` its last one: what the functions ending in ``_rows``
    take, which run in a context without warnings."""
    return x.ndim == 2 and axis in (1, -1) and len(x) <= FEW_ROWS and 0 < x.size <= FEW_ELEMENTS and (
        x.flags.c_contiguous and x.dtype.char in "fd")


def log_softmax_rows(x):
    """`log_softmax` along the last axis of a small matrix."""
    total = np.exp(x).dot(np.ones((x.shape[1], 1), x.dtype))
    # In a list, as a reduction of few elements takes longer. Each element is less than its row's sum.
    sums = total.ravel().tolist()
    if min(sums) >= SUM_SAFE and max(sums) <= EXP_SAFE:
        np.log(total, total)
        return np.subtract(x, total)
    out = np.empty_like(x)
    _log_softmax_block(out, x)
    return out


def log_softmax_backward_rows(g, y):
    """`log_softmax_backward` along the last axis of small matrices."""
    out = np.exp(y)
    np.multiply(out, g.dot(np.ones((g.shape[1], 1), g.dtype)), out)
    return np.subtract(g, out, out)


def _blockwise(block, axis, first, *others):
    """Runs ``block(out, arrays...)`` on ``(rows, length, 1)`` or ``(rows, length, inner)`` parts."""
    shape = first.shape
    if first.size == 0:
        return np.empty_like(first)
    if first.ndim == 0:
        shape, axis = (1,), 0
    length, inner = shape[axis], prod(shape[axis + 1 :])
    arrays = [np.ascontiguousarray(a).reshape(-1, length, inner) for a in (first, *others)]
    out = np.empty(arrays[0].shape, first.dtype)
    if inner == 1:
        arrays, view = [a[:, :, 0] for a in arrays], out[:, :, 0]
    else:
        view = out
    step = max(1, SOFTMAX_BLOCK_BYTES // (length * inner * first.itemsize))
    # Minus infinity less itself is the documented NaN, not a mistake to warn of.
    with np.errstate(all="ignore"):
        for i in range(0, len(view), step):
            where = slice(i, i + step)
            block(view[where], *(a[where] for a in arrays))
    return out.reshape(first.shape)


def _max(x):
    if x.ndim == 2 and x.shape[1] <= NARROW < x.shape[0]:
        total = x[:, :1].copy()
        for j in range(1, x.shape[1]):
            np.maximum(total, x[:, j : j + 1], out=total)
        return total
    return x.max(axis=1, keepdims=True)


def _sum(x):
    if x.ndim == 2:
        return np.matmul(x, np.ones((x.shape[1], 1), x.dtype))
    return x.sum(axis=1, keepdims=True)


def _dot(a, b):
    if a.ndim == 2:
        return np.vecdot(a, b)[:, None]
    return np.einsum("ijk,ijk->ik", a, b)[:, None]


def _softmax_block(out, x):
    if x.max() <= SOFTMAX_SAFE:
        np.exp(x, out=out)
        total = _sum(out)
        if total.min() >= SUM_SAFE:
            np.multiply(out, 1 / total, out=out)
            return
    np.subtract(x, _max(x), out=out)
    np.exp(out, out=out)
    np.multiply(out, 1 / _sum(out), out=out)


def _log_softmax_block(out, x):
    if x.max() <= LOG_SOFTMAX_SAFE:
        np.exp(x, out=out)
        total = _sum(out)
        if total.min() >= SUM_SAFE:
            np.subtract(x, np.log(total), out=out)
            return
    np.subtract(x, _max(x), out=out)
    np.subtract(out, np.log(_sum(np.exp(out))), out=out)


def _softmax_backward_block(out, g, y):
    np.subtract(g, _dot(g, y), out=out)
    np.multiply(out, y, out=out)


def _log_softmax_backward_block(out, g, y):
    np.exp(y, out=out)
    np.multiply(out, _sum(g), out=out)
    np.subtract(g, out, out=out)
