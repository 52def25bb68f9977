"""Adaptive average and max pooling: the result's size is given, and the windows follow from it.

Bin ``i`` of ``q`` over ``n`` positions runs from ``floor(i * n / q)`` to ``ceil((i + 1) * n / q)``, so bins
may overlap by a position.  Where ``q`` divides ``n`` this is ordinary pooling.
"""

from __future__ import annotations

from math import prod

import numpy as np

from .pool import avg_pool, avg_pool_backward, max_pool, max_pool_scatter

__all__ = [
    "adaptive_avg_pool",
    "adaptive_avg_pool_backward",
    "adaptive_max_pool",
    "adaptive_max_pool_backward",
]


def adaptive_avg_pool(x, *, output_size):
    """Mean over bins of ``x`` ``(N, C, *S)``: ``(N, C, *output_size)``."""
    size = x.shape[2:]
    if _divides(size, output_size):
        return avg_pool(x, **_even(size, output_size))
    for axis, (n, q) in enumerate(zip(size, output_size, strict=True), 2):
        if n != q:
            x = _bin_means(x, axis, n, q)
    return x


def adaptive_avg_pool_backward(g, *, input_size):
    """Gradient ``(N, C, *S)`` of `adaptive_avg_pool` with ``S = input_size``."""
    size = g.shape[2:]
    if _divides(input_size, size):
        return avg_pool_backward(g, input_size=input_size, **_even(input_size, size))
    for axis, (n, q) in enumerate(zip(input_size, size, strict=True), 2):
        if n != q:
            g = _spread_means(g, axis, n, q)
    return g


def adaptive_max_pool(x, *, output_size):
    """Maximum over bins of ``x`` ``(N, C, *S)`` and its int64 index, flat within the spatial sizes of a
    channel.

    The first of equal maxima wins; among NaNs the last.
    """
    size = x.shape[2:]
    if _divides(size, output_size):
        kernel = tuple(n // q for n, q in zip(size, output_size, strict=True))
        ones, zeros = (1,) * len(size), (0,) * len(size)
        return max_pool(x, kernel_size=kernel, stride=kernel, padding=zeros, dilation=ones, ceil_mode=False)
    where = np.broadcast_to(np.arange(prod(size)).reshape(size), x.shape)
    for axis in range(x.ndim - 1, 1, -1):
        begin, end = _bins(size[axis - 2], output_size[axis - 2])
        best, found = np.take(x, begin, axis=axis), np.take(where, begin, axis=axis)
        for t in range(1, int((end - begin).max(initial=0))):
            position = np.minimum(begin + t, end - 1)
            new = np.take(x, position, axis=axis)
            better = (new > best) | (new != new)
            np.copyto(best, new, where=better)
            np.copyto(found, np.take(where, position, axis=axis), where=better)
        x, where = best, found
    return x, where


def adaptive_max_pool_backward(g, indices, *, input_size):
    """Gradient ``(N, C, *S)`` of `adaptive_max_pool` with ``S = input_size``."""
    return max_pool_scatter(g, indices, input_size=input_size)


def _bins(n, q):
    i = np.arange(q)
    return i * n // q, -(-(i + 1) * n // q)


def _bin_means(x, axis, n, q):
    shape = list(x.shape)
    shape[axis] = q
    y = np.empty(shape, x.dtype)
    lead = (slice(None),) * axis
    for i, (begin, end) in enumerate(zip(*_bins(n, q), strict=True)):
        np.mean(x[(*lead, slice(begin, end))], axis=axis, out=y[(*lead, i)])
    return y


def _spread_means(g, axis, n, q):
    """Adjoint of `_bin_means`."""
    shape = list(g.shape)
    shape[axis] = n
    gx = np.zeros(shape, g.dtype)
    lead = (slice(None),) * axis
    for i, (begin, end) in enumerate(zip(*_bins(n, q), strict=True)):
        gx[(*lead, slice(begin, end))] += np.expand_dims(g[(*lead, i)], axis) / g.dtype.type(end - begin)
    return gx


def _divides(size, output_size):
    return all(q and n >= q and n % q == 0 for n, q in zip(size, output_size, strict=True))


def _even(size, output_size):
    kernel = tuple(n // q for n, q in zip(size, output_size, strict=True))
    return {
        "kernel_size": kernel,
        "stride": kernel,
        "padding": (0,) * len(kernel),
        "ceil_mode": False,
        "count_include_pad": True,
        "divisor_override": None,
    }
