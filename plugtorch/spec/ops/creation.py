"""Primitives that make, move and convert arrays."""

from __future__ import annotations

import math

from ..abstract import Abstract
from ..op import primitive


@primitive("creation")
def from_host(k, array, *, device):
    """A backend array with the values of a NumPy array, in its dtype.

    The result never shares memory with ``array``. A backend that cannot hold the dtype raises TypeError;
    it never narrows silently.
    """
    return Abstract(array.shape, array.dtype)


@primitive("creation")
def to_host(k, x):
    """The values as a NumPy array; waits for pending work. May share memory on a host backend."""
    return x


@primitive("creation")
def full(k, *, shape, value, dtype, device):
    """An array of one Python number; also what zeros, ones and empty are made of."""
    return Abstract(shape, dtype)


@primitive("creation")
def arange(k, *, start, stop, step, dtype, device):
    """``start + i * step`` for ``ceil((stop - start) / step)`` values, counted in double precision."""
    return Abstract((max(0, math.ceil((stop - start) / step)),), dtype)


@primitive("creation")
def cast(k, x, *, dtype):
    """Conversion to another dtype; the same dtype may return ``x`` itself.

    Float to integer truncates and, inside the int64 range, wraps to the width; complex to real drops the
    imaginary part; nan is True as a bool, -0.0 is False. Nan, infinities and values beyond int64 are
    unspecified as integers.
    """
    return Abstract(x.shape, dtype)


@primitive("creation", view=True)
def bitcast(k, x, *, dtype):
    """The same bytes read as another dtype; a different item size regroups the last axis."""
    if dtype.itemsize == x.dtype.itemsize:
        return Abstract(x.shape, dtype)
    last = x.shape[-1] * x.dtype.itemsize
    if last % dtype.itemsize:
        raise RuntimeError(
            f"self.size(-1) must be divisible by {dtype.itemsize // x.dtype.itemsize} to view "
            f"{x.dtype!r} as {dtype!r} (different element sizes), but got {x.shape[-1]}"
        )
    return Abstract((*x.shape[:-1], last // dtype.itemsize), dtype)


@primitive("creation")
def copy(k, x):
    """The same values in a fresh buffer, laid out in C order."""
    return x
