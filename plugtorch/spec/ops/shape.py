"""Primitives that rearrange elements without computing on them."""

from __future__ import annotations

from ..abstract import Abstract
from ..op import primitive


@primitive("shape", view=True)
def reshape(k, x, *, shape):
    """The elements in C order under another shape; sizes are given in full, without -1."""
    return Abstract(shape, x.dtype)


@primitive("shape", view=True)
def permute(k, x, *, axes):
    """Axes in another order: axis i of the result is axis ``axes[i]`` of x."""
    return Abstract([x.shape[i] for i in axes], x.dtype)


@primitive("shape", view=True)
def broadcast_to(k, x, *, shape):
    """x repeated along new leading axes and axes of size 1."""
    return Abstract(shape, x.dtype)


@primitive("shape", view=True)
def slice(k, x, *, start, stop, step):
    """``x[start[0]:stop[0]:step[0], ...]``; one in-range entry per axis, steps positive."""
    sizes = [len(range(a, b, s)) for a, b, s in zip(start, stop, step, strict=True)]
    return Abstract(sizes, x.dtype)


@primitive("shape")
def pad(k, x, *, lo, hi, value=0):
    """Constant padding before (``lo``) and after (``hi``) each axis; negative amounts crop."""
    sizes = [n + a + b for n, a, b in zip(x.shape, lo, hi, strict=True)]
    return Abstract(sizes, x.dtype)


@primitive("shape")
def flip(k, x, *, axis):
    """The order of elements reversed along each axis of the tuple ``axis``."""
    return x


@primitive("shape")
def concat(k, *xs, axis):
    """Arrays of equal other sizes joined along one axis."""
    shape = list(xs[0].shape)
    shape[axis] = 0
    for x in xs:
        shape[axis] += x.shape[axis]
    return Abstract(shape, xs[0].dtype)
