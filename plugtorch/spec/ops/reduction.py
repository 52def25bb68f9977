"""Reductions, scans and sorting.

``axis`` is a sorted tuple of axes >= 0 for reductions and one axis for the rest;
an empty tuple reduces nothing. Half precisions accumulate in float32.
"""

from __future__ import annotations

from ..abstract import Abstract, reduced, sum_dtype
from ..dtypes import bool_, int64
from ..op import primitive


@primitive("reduction")
def sum(k, x, *, axis, keepdims=False):
    """Sum over axes; integers and bools in int64; an empty sum is 0. Rounding error grows at most like
    a blocked sum's, not like a running one's."""
    return reduced(x, axis, keepdims, sum_dtype(x.dtype))


@primitive("reduction")
def prod(k, x, *, axis, keepdims=False):
    """Product over axes; integers and bools in int64; an empty product is 1."""
    return reduced(x, axis, keepdims, sum_dtype(x.dtype))


@primitive("reduction")
def max(k, x, *, axis, keepdims=False):
    """Largest value; nan wins. Complex is not offered.

    Raises:
        IndexError: a reduced axis has no elements.
    """
    return reduced(x, axis, keepdims)


@primitive("reduction")
def min(k, x, *, axis, keepdims=False):
    """Smallest value; nan wins. Complex is not offered.

    Raises:
        IndexError: a reduced axis has no elements.
    """
    return reduced(x, axis, keepdims)


@primitive("reduction")
def any(k, x, *, axis, keepdims=False):
    """Whether any element is true (nan is), as bool; False when empty."""
    return reduced(x, axis, keepdims, bool_)


@primitive("reduction")
def all(k, x, *, axis, keepdims=False):
    """Whether all elements are true (nan is), as bool; True when empty."""
    return reduced(x, axis, keepdims, bool_)


@primitive("reduction")
def argmax(k, x, *, axis, keepdims=False):
    """int64 index of the largest value along one axis: the first of ties; nan wins."""
    return reduced(x, (axis,), keepdims, int64)


@primitive("reduction")
def argmin(k, x, *, axis, keepdims=False):
    """int64 index of the smallest value along one axis: the first of ties; nan wins."""
    return reduced(x, (axis,), keepdims, int64)


@primitive("scan")
def cumsum(k, x, *, axis):
    """Running sum along one axis; integers and bools in int64."""
    return Abstract(x.shape, sum_dtype(x.dtype))


@primitive("scan")
def cumprod(k, x, *, axis):
    """Running product along one axis; integers and bools in int64."""
    return Abstract(x.shape, sum_dtype(x.dtype))


@primitive("sort", outputs=("values", "indices"))
def sort(k, x, *, axis, descending=False):
    """Values in order along one axis and their int64 indices. Always stable, also when descending;
    nan sorts as the largest value. Complex is not offered."""
    return x, Abstract(x.shape, int64)
