"""Derived ops that PyTorch answers with a view, and their neighbours."""

from __future__ import annotations

import math

from ..dtypes import int64
from ..op import derived


def _iota(k, x, n):
    return k.arange(start=0, stop=n, step=1, dtype=int64, device=k.device_of(x))


@derived("shape", view=True)
def select(k, x, *, axis, index):
    """Entry ``index`` (0 <= index < size) of an axis, which disappears."""
    shape = tuple(x.shape)
    row = k.slice(x, start=(0,) * axis + (index,) + (0,) * (len(shape) - axis - 1),
                  stop=(*shape[:axis], index + 1, *shape[axis + 1:]), step=(1,) * len(shape))
    return k.reshape(row, shape=(*shape[:axis], *shape[axis + 1:]))


@derived("shape", view=True)
def view_as_real(k, x):
    """Complex numbers as pairs of reals in a new last axis."""
    shape = (*x.shape, 1)
    return k.concat(k.reshape(k.real(x), shape=shape), k.reshape(k.imag(x), shape=shape), axis=len(shape) - 1)


@derived("shape", view=True)
def view_as_complex(k, x):
    """Pairs of reals in the last axis, which has size 2, as complex numbers."""
    last = len(x.shape) - 1
    return k.complex(k.select(x, axis=last, index=0), k.select(x, axis=last, index=1))


@derived("shape", view=True)
def diagonal(k, x, *, offset, axis1, axis2):
    """The diagonal ``offset`` steps above the main one of the planes of two axes, moved last."""
    rows, cols = x.shape[axis1], x.shape[axis2]
    n = max(0, min(rows, cols - offset) if offset >= 0 else min(rows + offset, cols))
    axes = (*(i for i in range(len(x.shape)) if i not in (axis1, axis2)), axis1, axis2)
    x = k.permute(x, axes=axes)
    batch = x.shape[:-2]
    i = _iota(k, x, n)
    flat = k.add(k.mul(k.add(i, max(0, -offset)), cols), k.add(i, max(0, offset)))
    return k.take(k.reshape(x, shape=(*batch, rows * cols)), flat, axis=len(batch))


@derived("shape", view=True)
def unfold_dim(k, x, *, axis, size, step):
    """Windows of ``size`` elements every ``step`` along an axis, in a new last axis."""
    count = (x.shape[axis] - size) // step + 1
    starts = k.reshape(k.mul(_iota(k, x, count), step), shape=(count, 1))
    windows = k.take(x, k.add(starts, k.reshape(_iota(k, x, size), shape=(1, size))), axis=axis)
    ndim = len(windows.shape)
    return k.permute(windows, axes=(*(i for i in range(ndim) if i != axis + 1), axis + 1))


@derived("shape", view=True)
def as_strided(k, x, *, shape, strides, offset):
    """Elements of x, read in C order, at ``offset + sum(index * strides)``; strides in elements."""
    flat = k.reshape(x, shape=(math.prod(x.shape),))
    where = k.full(shape=(1,) * len(shape), value=offset, dtype=int64, device=k.device_of(x))
    for axis, (n, stride) in enumerate(zip(shape, strides, strict=True)):
        line = k.mul(_iota(k, x, n), stride)
        where = k.add(where, k.reshape(line, shape=(1,) * axis + (n,) + (1,) * (len(shape) - axis - 1)))
    return k.take(flat, k.reshape(where, shape=tuple(shape)), axis=0)


@derived("shape")
def tril(k, x, *, diagonal=0):
    """The lower triangle of the last two axes, zero above the given diagonal."""
    return k.where(_below(k, x, diagonal), x, 0)


@derived("shape")
def triu(k, x, *, diagonal=0):
    """The upper triangle of the last two axes, zero below the given diagonal."""
    return k.where(_below(k, x, diagonal - 1), 0, x)


def _below(k, x, diagonal):
    rows, cols = x.shape[-2:]
    return k.le(k.reshape(_iota(k, x, cols), shape=(1, cols)),
                k.add(k.reshape(_iota(k, x, rows), shape=(rows, 1)), diagonal))


@derived("index")
def index_add(k, x, i, s, *, axis):
    """A copy of x with row j of s added to row ``i[j]`` along ``axis``; duplicates add up."""
    idx = (None,) * axis + (i,)
    return k.index_put(x, s, *idx, accumulate=True)
