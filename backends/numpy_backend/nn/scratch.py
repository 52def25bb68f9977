"""Scratch arrays of a kernel, kept in a dict from one block of its work to the next."""

from __future__ import annotations

import functools
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["empty", "padded", "strided", "sum_in_order"]


def empty(memory, name, shape, dtype):
    """An uninitialised array of ``shape``, from the memory of an earlier block where that is large enough."""
    count = prod(shape)
    held = memory.get(name)
    if held is None or held.size < count:
        held = memory[name] = np.empty(count, dtype)
    return held[:count].reshape(shape)


def strided(x, shape, strides):
    """A view of ``x`` from its first element on, not to be written to."""
    if x.flags.c_contiguous:
        return np.ndarray(shape, x.dtype, x, 0, strides)  # ten times as fast as NumPy's own function
    return as_strided(x, shape, strides, writeable=False)


def padded(x, start, extent, axis, memory, name):
    """``x[start : start + extent]`` along consecutive axes from ``axis``, with zeros outside.

    A view of ``x`` where nothing lies outside and its last axis is contiguous.  Otherwise a C-ordered copy,
    kept in ``memory`` with its zero borders for the next block that has the same ones.
    """
    inner, target, shape, filled, inside = _borders(x.shape, start, extent, axis)
    source = x[inner]
    if inside and (source.strides[-1] == x.itemsize or source.shape[-1] == 1):
        return source
    key = name, shape[1:], filled
    held = memory.get(key)
    if held is None or held.shape[0] < x.shape[0]:
        held = memory[key] = np.zeros(shape, x.dtype)
    held = held[: x.shape[0]]
    held[target] = source
    return held


@functools.lru_cache(512)
def _borders(shape, start, extent, axis):
    """(index of what lies inside of an array of ``shape``, index of its place in the copy, the copy's shape, that place as
    numbers, whether all lies inside)."""
    inner, target, copy = [slice(None)] * len(shape), [slice(None)] * len(shape), list(shape)
    inside, filled = True, []
    for a, (s, e) in enumerate(zip(start, extent, strict=True), axis):
        lo = min(max(s, 0), shape[a])
        hi = max(min(s + e, shape[a]), lo)
        inner[a], target[a], copy[a] = slice(lo, hi), slice(lo - s, hi - s), e
        inside = inside and hi - lo == e
        filled.append((lo - s, hi - s))
    return tuple(inner), tuple(target), tuple(copy), tuple(filled), inside


def sum_in_order(parts):
    """The sum of a list of arrays, in the memory of the first."""
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total
