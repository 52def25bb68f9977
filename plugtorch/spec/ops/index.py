"""Reading and writing by index. Indices are int64, in range and not negative."""

from __future__ import annotations

from ..abstract import Abstract, broadcast_shapes
from ..dtypes import int64
from ..op import derived, primitive


@primitive("index")
def take(k, x, i, *, axis):
    """Rows of x along ``axis`` chosen by an index array of any shape, which replaces that axis."""
    return Abstract((*x.shape[:axis], *i.shape, *x.shape[axis + 1:]), x.dtype)


@primitive("index")
def gather(k, x, i, *, axis):
    """``y[..., j, ...] = x[..., i[..., j, ...], ...]``; i has x's rank and may be shorter on other axes."""
    return Abstract(i.shape, x.dtype)


@derived("index")
def pick(k, x, i, *, axis):
    """One element of each line along ``axis``: that of number i, which has x's shape without the axis, and the result's."""
    along = (*x.shape[:axis], 1, *x.shape[axis + 1:])
    return k.reshape(k.gather(x, k.reshape(i, shape=along), axis=axis), shape=tuple(i.shape))


@derived("index")
def pick_backward(k, g, i, *, axis, size):
    """Gradient of pick: zeros with ``size`` elements along ``axis``, but g at the places that pick would read."""
    along = (*g.shape[:axis], 1, *g.shape[axis:])
    zero = k.full(shape=(*g.shape[:axis], size, *g.shape[axis:]), value=0, dtype=k.dtype_of(g), device=k.device_of(g))
    return k.scatter(zero, k.reshape(i, shape=along), k.reshape(g, shape=along), axis=axis)


@primitive("index")
def scatter(k, x, i, s, *, axis, mode="set"):
    """A copy of x with s written where gather would read; modes set, add, mul, max, min.

    i has x's rank and may be shorter on other axes; s may be larger than i. Duplicates combine; under
    ``set`` the last one wins on a host and any one on an accelerator.
    """
    return x


def indexed_shape(shape, idx):
    """Shape of ``x[idx]`` for a tuple of integer arrays and None (= whole axis), by NumPy's placement:
    index axes stand where the first one was if they are adjacent, else first."""
    used = [n for n, i in enumerate(idx) if i is not None]
    block = broadcast_shapes(*(idx[n].shape for n in used))
    rest = [n for n in range(len(shape)) if n >= len(idx) or idx[n] is None]
    if used[-1] - used[0] + 1 == len(used):
        before = [shape[n] for n in rest if n < used[0]]
        after = [shape[n] for n in rest if n > used[0]]
        return (*before, *block, *after)
    return (*block, *(shape[n] for n in rest))


@primitive("index")
def index(k, x, *idx):
    """``x[idx]``: one entry per leading axis, an integer array or None for the whole axis; arrays broadcast.
    The index axes stand in place of adjacent indexed axes, and first where those are not adjacent."""
    return Abstract(indexed_shape(x.shape, idx), x.dtype)


@primitive("index")
def index_put(k, x, v, *idx, accumulate=False):
    """A copy of x with ``x[idx] = v`` (v broadcasts to the indexed shape); ``accumulate`` adds, also duplicates."""
    return x


@primitive("index")
def slice_put(k, x, v, *, start, stop, step):
    """A copy of x with the block that slice would read replaced by v, which has that block's shape."""
    return x


@derived("index")
def slice_backward(k, g, *, shape, start, stop, step):
    """Gradient of slice: zeros of ``shape``, but g in the block that slice would read."""
    zero = k.full(shape=shape, value=0, dtype=k.dtype_of(g), device=k.device_of(g))
    return k.slice_put(zero, g, start=start, stop=stop, step=step)


@primitive("index")
def nonzero(k, x, *, size=None):
    """(count, ndim) int64 coordinates of the true elements in C order; a 0-d array gives (count, 0).
    The shape depends on the values unless ``size`` fixes the count (missing rows are 0)."""
    return Abstract((size if size is not None else x.size, len(x.shape)), int64)
