"""Convolution over one, two or three spatial dimensions, and its two adjoints.

Arrays are logically ``(N, C, *spatial)``.  Results are views with channels last in memory, because one matrix
product per block produces them with the channels innermost, and NumPy's ufuncs keep that layout.

The routines are linear in each operand and never conjugate; a caller that wants complex adjoints conjugates.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ..threads import one_blas_thread
from .correlate import FEW_CHANNELS, correlate, correlate_kernel, scatter_taps

__all__ = ["bias_add", "channel_sum", "column_sum", "conv", "conv_input", "conv_weight"]


def conv(x, w, *, stride, padding, dilation, groups):
    """Cross-correlation ``y[n, o, q] = sum_{c, k} x[n, c, q * stride + k * dilation - padding] * w[o, c,
    k]``.

    x: ``(N, C, *S)``; w: ``(O, C / groups, *K)``, same dtype (float or complex).  ``stride``, ``padding`` and
    ``dilation`` have one int per spatial dimension, padding not negative.  Returns ``(N, O, *Q)`` with
    ``Q = (S + 2 * padding - dilation * (K - 1) - 1) // stride + 1``.  Raises ``RuntimeError`` when the kernel
    is larger than the padded input.
    """
    size = output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    out = np.empty((x.shape[0], *_lift(size, 1), w.shape[0]), w.dtype)
    correlate(
        _channels_last(x),
        _lift_kernel(w),
        out,
        _lift(stride, 1),
        _lift(padding, 0),
        _lift(dilation, 1),
        groups,
    )
    return _channels_first(out, len(size))


def conv_input(g, w, *, input_size, stride, padding, dilation, groups):
    """Adjoint of `conv` with respect to its input; with any fitting ``input_size``, a transposed convolution.

    g: ``(N, O, *Q)``; w: ``(O, C / groups, *K)``; ``input_size``: the spatial sizes ``S`` of the result
    ``(N, C, *S)``.
    """
    n = len(input_size)
    stride, padding, dilation = _lift(stride, 1), _lift(padding, 0), _lift(dilation, 1)
    shape = (g.shape[0], *_lift(input_size, 1), w.shape[1] * groups)
    g, w = _channels_last(g), _lift_kernel(w)
    if g.size == 0 or w.size == 0 or 0 in shape:
        gx = np.zeros(shape, g.dtype)
    elif w.shape[1] <= FEW_CHANNELS and not (groups > 1 and w.shape[:2] == (groups, 1)):
        gx = scatter_taps(g, w, shape, stride, padding, dilation, groups)
    else:
        gx = np.empty(shape, g.dtype)
        _correlate_by_phase(g, _swap_channels(w, groups), gx, stride, padding, dilation, groups)
    return _channels_first(gx, n)


def conv_weight(x, g, *, kernel_size, stride, padding, dilation, groups):
    """Adjoint of `conv` with respect to its kernel.

    x: ``(N, C, *S)``; g: ``(N, O, *Q)``.  Returns ``(O, C / groups, *K)`` with ``K = kernel_size``.
    """
    x, g = _channels_last(x), _channels_last(g)
    shape = (g.shape[-1], x.shape[-1] // groups, *kernel_size)
    if x.size == 0 or g.size == 0 or 0 in shape:
        return np.zeros(shape, x.dtype)
    gw = np.empty(shape, x.dtype)
    correlate_kernel(x, g, _lift_kernel(gw), _lift(stride, 1), _lift(padding, 0), _lift(dilation, 1), groups)
    return gw


def channel_sum(g):
    """Sum of ``g`` of shape ``(N, C, *S)`` over all axes but the second: shape ``(C,)``."""
    if g.size == 0:
        return np.zeros(g.shape[1], g.dtype)
    if g.ndim > 2 and g.flags.c_contiguous:
        return g.reshape(*g.shape[:2], -1).sum(axis=2).sum(axis=0)
    last = np.ascontiguousarray(np.moveaxis(g, 1, -1))
    # Whole image rows side by side make wider rows to sum, which is faster still.
    row = last.shape[-2] if g.ndim > 2 else 1
    return column_sum(last.reshape(-1, row * g.shape[1])).reshape(row, g.shape[1]).sum(axis=0)


@one_blas_thread
def column_sum(rows):
    """Sum over the rows of a C-contiguous ``(M, C)`` array.

    A product with a vector of ones is an order of magnitude faster than a reduction over the outer axis of
    narrow rows.  It is taken over runs of 512 rows, whose sums are added afterwards, so that float32 stays
    accurate.
    """
    count, channels = rows.shape
    run = 512
    whole = count // run * run
    total = np.zeros(channels, rows.dtype)
    if whole:
        partial = np.matmul(np.ones((1, run), rows.dtype), rows[:whole].reshape(-1, run, channels))
        total += partial.sum(axis=0)[0]
    if whole < count:
        total += np.matmul(np.ones(count - whole, rows.dtype), rows[whole:])
    return total


def bias_add(y, b):
    """Adds ``b`` of shape ``(C,)`` to ``y`` of shape ``(N, C, *S)`` in place and returns ``y``."""
    last = np.moveaxis(y, 1, -1)
    if y.ndim > 2 and last.flags.c_contiguous:
        # Whole image rows give the ufunc longer inner loops than one set of channels.
        row = last.shape[-2]
        flat = last.reshape(-1, row * b.size) if y.size else last
        np.add(flat, np.tile(b, row) if y.size else b, out=flat)
    else:
        np.add(y, b.reshape(-1, *(1,) * (y.ndim - 2)), out=y)
    return y


def output_size(size, kernel_size, stride, padding, dilation):
    """Spatial sizes of the result of `conv`; raises ``RuntimeError`` when the kernel does not fit."""
    padded = [s + 2 * p for s, p in zip(size, padding, strict=True)]
    extent = [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True)]
    if any(p < e for p, e in zip(padded, extent, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). "
            f"Kernel size: ({' x '.join(map(str, extent))}). "
            "Kernel size can't be greater than actual input size"
        )
    return tuple((p - e) // s + 1 for p, e, s in zip(padded, extent, stride, strict=True))


def _lift(values, fill):
    """Sizes or parameters for three spatial axes."""
    return (fill,) * (3 - len(values)) + tuple(values)


def _lift_kernel(w):
    return w.reshape(*w.shape[:2], *_lift(w.shape[2:], 1))


def _channels_last(x):
    """View ``(N, D, H, W, C)`` of ``(N, C, *S)``."""
    missing = 5 - x.ndim
    if missing:
        x = x[(slice(None), slice(None)) + (None,) * missing]
    return x.transpose(0, 2, 3, 4, 1)


def _channels_first(y, n):
    """View ``(N, C, *S)`` with ``n`` spatial axes of ``(N, D, H, W, C)``."""
    if n == 1:
        return y[:, 0, 0].transpose(0, 2, 1)
    if n == 2:
        return y[:, 0].transpose(0, 3, 1, 2)
    return y.transpose(0, 4, 1, 2, 3)


def _swap_channels(w, groups):
    """Kernel ``(C, O / groups, ...)`` of the map from gradients of the result to gradients of the input."""
    w = w.reshape(groups, w.shape[0] // groups, *w.shape[1:]).swapaxes(1, 2)
    return w.reshape(prod(w.shape[:2]), *w.shape[2:])


def _correlate_by_phase(g, w, gx, stride, padding, dilation, groups):
    """Input gradient as one ordinary correlation with stride one per residue class of the strides.

    Input position ``h`` receives ``g[q] * w[k]`` where ``h + padding = q * stride + k * dilation``, so
    positions of one residue of ``h + padding`` modulo the stride see an evenly spaced subset of the kernel,
    turned around.
    """
    classes = [
        list(_phases(gx.shape[a + 1], w.shape[a + 2], stride[a], padding[a], dilation[a])) for a in range(3)
    ]
    for d in classes[0]:
        for h in classes[1]:
            for c in classes[2]:
                target = gx[:, d[0], h[0], c[0]]
                if d[1] is None or h[1] is None or c[1] is None:
                    target[...] = 0
                    continue
                part = w[:, :, d[1], h[1], c[1]][:, :, ::-1, ::-1, ::-1]
                correlate(g, part, target, (1, 1, 1), (d[2], h[2], c[2]), (d[3], h[3], c[3]), groups)


def _phases(size, kernel, stride, padding, dilation):
    """Yields (positions, taps or None, zeros before the first, dilation) for each residue that has
    positions."""
    for residue in range(stride):
        first = -(-(padding - residue) // stride)
        begin = residue + first * stride - padding
        if begin >= size:
            continue
        taps = [k for k in range(kernel) if (k * dilation - residue) % stride == 0]
        if not taps:
            yield slice(begin, size, stride), None, 0, 1
            continue
        step = taps[1] - taps[0] if len(taps) > 1 else 1
        spacing = step * dilation // stride if len(taps) > 1 else 1
        reach = (taps[-1] * dilation - residue) // stride
        yield slice(begin, size, stride), slice(taps[0], taps[-1] + 1, step), reach - first, spacing
