"""Layers as whole ops: products, convolution, pooling, normalisation, embedding.

Images are (N, C, *spatial); spatial parameters are tuples with one entry per
spatial axis. Compositions here favour clarity; backends override for speed.
"""

from __future__ import annotations

import math

from ..dtypes import int64, uint8
from ..op import derived


@derived("linear")
def adjoint(k, x):
    """Conjugate transpose of the last two axes; may share x's memory."""
    n = len(x.shape)
    return k.conj(k.permute(x, axes=(*range(n - 2), n - 1, n - 2)))


@derived("linear")
def linear(k, x, w, b):
    """``x @ w.T + b`` over the last axis of x; w is (out, in), b is (out,) or None."""
    shape = x.shape
    flat = x if len(shape) == 2 else k.reshape(x, shape=(math.prod(shape[:-1]), shape[-1]))
    y = k.matmul(flat, k.permute(w, axes=(1, 0)))
    if b is not None:
        y = k.add(y, b)
    return y if len(shape) == 2 else k.reshape(y, shape=(*shape[:-1], w.shape[0]))


@derived("linear")
def linear_weight(k, g, x):
    """Gradient of linear by its weight: ``g.T @ x`` over all leading axes, (out, in)."""
    g2 = k.reshape(g, shape=(math.prod(g.shape[:-1]), g.shape[-1]))
    x2 = k.reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))
    return k.matmul(k.permute(g2, axes=(1, 0)), k.conj(x2))


def _range(k, like, n, step=1):
    return k.arange(start=0, stop=n * step, step=step, dtype=int64, device=k.device_of(like))


def _windows(k, x, kernel, stride, dilation):
    """(N, C, *S) -> (N, C, *out, *kernel), every window of the spatial axes."""
    dims = len(kernel)
    for d in range(dims):
        axis = 2 + 2 * d
        out = (x.shape[axis] - dilation[d] * (kernel[d] - 1) - 1) // stride[d] + 1
        starts = k.reshape(_range(k, x, out, stride[d]), shape=(out, 1))
        offsets = k.reshape(_range(k, x, kernel[d], dilation[d]), shape=(1, kernel[d]))
        x = k.take(x, k.add(starts, offsets), axis=axis)
    axes = (0, 1, *(2 + 2 * d for d in range(dims)), *(3 + 2 * d for d in range(dims)))
    return k.permute(x, axes=axes)


def _pad_spatial(k, x, lo, hi, value=0):
    if not any(lo) and not any(hi):
        return x
    return k.pad(x, lo=(0, 0, *lo), hi=(0, 0, *hi), value=value)


@derived("convolution")
def conv(k, x, w, *, stride, padding, dilation, groups):
    """Cross-correlation of x (N, C, *S) with w (O, C / groups, *K), zero padding on both sides: (N, O, *out)."""
    n, c = x.shape[:2]
    o, kernel = w.shape[0], w.shape[2:]
    dims = len(kernel)
    win = _windows(k, _pad_spatial(k, x, padding, padding), kernel, stride, dilation)
    out = win.shape[2:2 + dims]
    win = k.reshape(win, shape=(n, groups, c // groups, *out, *kernel))
    win = k.permute(win, axes=(1, 0, *range(3, 3 + dims), 2, *range(3 + dims, 3 + 2 * dims)))
    depth = c // groups * math.prod(kernel)
    cols = k.reshape(win, shape=(groups, n * math.prod(out), depth))
    rows = k.permute(k.reshape(w, shape=(groups, o // groups, depth)), axes=(0, 2, 1))
    y = k.reshape(k.matmul(cols, rows), shape=(groups, n, *out, o // groups))
    y = k.permute(y, axes=(1, 0, 2 + dims, *range(2, 2 + dims)))
    return k.reshape(y, shape=(n, o, *out))


@derived("convolution")
def conv_input(k, g, w, *, input_size, stride, padding, dilation, groups):
    """Adjoint of conv by its input: g (N, O, *out), w (O, C / groups, *K) -> (N, C, *input_size). Also the
    transposed convolution of g."""
    n, o = g.shape[:2]
    cg, kernel = w.shape[1], w.shape[2:]
    dims = len(kernel)
    spread = tuple((m - 1) * s + 1 for m, s in zip(g.shape[2:], stride, strict=True))
    if any(s > 1 for s in stride):
        zero = k.full(shape=(n, o, *spread), value=0, dtype=k.dtype_of(g), device=k.device_of(g))
        g = k.slice_put(zero, g, start=(0,) * (2 + dims), stop=(n, o, *spread), step=(1, 1, *stride))
    lo = tuple(d * (m - 1) - p for d, m, p in zip(dilation, kernel, padding, strict=True))
    hi = tuple(size + d * (m - 1) - have - before for size, d, m, have, before
               in zip(input_size, dilation, kernel, spread, lo, strict=True))
    g = _pad_spatial(k, g, lo, hi)
    turned = k.flip(w, axis=tuple(range(2, 2 + dims)))
    turned = k.reshape(turned, shape=(groups, o // groups, cg, *kernel))
    turned = k.permute(turned, axes=(0, 2, 1, *range(3, 3 + dims)))
    turned = k.reshape(turned, shape=(groups * cg, o // groups, *kernel))
    return k.conv(g, turned, stride=(1,) * dims, padding=(0,) * dims, dilation=dilation, groups=groups)


@derived("convolution")
def conv_weight(k, x, g, *, kernel_size, stride, padding, dilation, groups):
    """Adjoint of conv by its weight: x (N, C, *S), g (N, O, *out) -> (O, C / groups, *kernel_size)."""
    n, c = x.shape[:2]
    o, out = g.shape[1], g.shape[2:]
    dims = len(out)
    need = tuple((m - 1) * s + d * (j - 1) + 1
                 for m, s, d, j in zip(out, stride, dilation, kernel_size, strict=True))
    hi = tuple(want - have - p for want, have, p in zip(need, x.shape[2:], padding, strict=True))
    x = _pad_spatial(k, x, padding, hi)
    win = _windows(k, x, out, dilation, stride)
    win = k.reshape(win, shape=(n, groups, c // groups, *kernel_size, *out))
    win = k.permute(win, axes=(1, 2, *range(3, 3 + dims), 0, *range(3 + dims, 3 + 2 * dims)))
    rows = k.reshape(win, shape=(groups, c // groups * math.prod(kernel_size), n * math.prod(out)))
    cols = k.reshape(g, shape=(n, groups, o // groups, *out))
    cols = k.permute(cols, axes=(1, 0, *range(3, 3 + dims), 2))
    cols = k.reshape(cols, shape=(groups, n * math.prod(out), o // groups))
    gw = k.reshape(k.matmul(rows, cols), shape=(groups, c // groups, *kernel_size, o // groups))
    gw = k.permute(gw, axes=(0, 2 + dims, 1, *range(2, 2 + dims)))
    return k.reshape(gw, shape=(o, c // groups, *kernel_size))


@derived("convolution")
def channel_sum(k, g):
    """Sum over every axis but 1: the gradient of a bias per channel."""
    return k.sum(g, axis=(0, *range(2, len(g.shape))))


@derived("convolution")
def bias_add(k, y, b):
    """``y + b`` with b along axis 1."""
    return k.add(y, k.reshape(b, shape=(1, y.shape[1], *(1,) * (len(y.shape) - 2))))


def pooled_size(size, kernel, stride, padding, dilation, ceil_mode):
    """Output length of pooling; a last window that would start in the right padding is left out."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    out = (-(-span // stride) if ceil_mode else span // stride) + 1
    if ceil_mode and (out - 1) * stride >= size + padding:
        out -= 1
    return out


def _pool_windows(k, x, kernel, stride, padding, dilation, ceil_mode, value):
    out = tuple(pooled_size(*args, ceil_mode)
                for args in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True))
    hi = tuple(max(0, (m - 1) * s + d * (j - 1) + 1 - n - p) for m, s, d, j, n, p
               in zip(out, stride, dilation, kernel, x.shape[2:], padding, strict=True))
    win = _windows(k, _pad_spatial(k, x, padding, hi, value), kernel, stride, dilation)
    dims = len(kernel)
    keep = (*x.shape[:2], *out, *kernel)
    return k.slice(win, start=(0,) * len(keep), stop=keep, step=(1,) * len(keep)), out, dims


def _choice_dtype(kernel_size):
    """Integer type of an element's number inside a window."""
    return uint8 if math.prod(kernel_size) <= 256 else int64


@derived("pooling", outputs=("y", "choice"))
def max_pool_window(k, x, *, kernel_size, stride, padding, dilation, ceil_mode=False):
    """Largest value of each window and the number of its element, counted in C order inside the window: the first
    of ties; nan wins, and which of several is unspecified. Padding is minus infinity. The number is uint8, and
    int64 for windows of more than 256 elements."""
    dtype = k.dtype_of(x)
    low = -math.inf if dtype.differentiable else -(2 ** (8 * dtype.itemsize - 1)) if dtype.is_signed else 0
    win, out, dims = _pool_windows(k, x, kernel_size, stride, padding, dilation, ceil_mode, low)
    inside = _pool_windows(k, k.full(shape=(1, 1, *x.shape[2:]), value=1, dtype=int64, device=k.device_of(x)),
                           kernel_size, stride, padding, dilation, ceil_mode, 0)[0]
    size = math.prod(kernel_size)
    flat = k.reshape(win, shape=(*x.shape[:2], *out, size))
    top = k.max(flat, axis=(2 + dims,), keepdims=True)
    # Padding ties with a window of nothing but the smallest value, and must lose.
    hit = k.bit_and(k.bit_or(k.eq(flat, top), k.isnan(flat)),
                    k.eq(k.reshape(inside, shape=(1, 1, *out, size)), 1))
    choice = k.argmax(k.cast(hit, dtype=uint8), axis=2 + dims)
    return (k.reshape(top, shape=(*x.shape[:2], *out)), k.cast(choice, dtype=_choice_dtype(kernel_size)))


@derived("pooling")
def max_pool_indices(k, choice, *, input_size, kernel_size, stride, padding, dilation):
    """int64 positions, in the flattened spatial axes of the input, of the elements that max_pool_window chose."""
    dims = len(kernel_size)
    rest, index = k.cast(choice, dtype=int64), None
    for d in range(dims):
        inner, outer = math.prod(kernel_size[d + 1:]), math.prod(input_size[d + 1:])
        at = k.floor_divide(rest, inner) if inner > 1 else rest
        if inner > 1:
            rest = k.sub(rest, k.mul(at, inner))
        n = choice.shape[2 + d]
        start = k.reshape(k.sub(_range(k, choice, n, stride[d]), padding[d]), shape=(n, *(1,) * (dims - 1 - d)))
        part = k.mul(k.add(k.mul(at, dilation[d]), start), outer)
        index = part if index is None else k.add(index, part)
    return index


@derived("pooling")
def max_pool_window_backward(k, g, choice, *, input_size, kernel_size, stride, padding, dilation):
    """Gradient of max_pool_window's first result: g added up at the chosen elements of (N, C, *input_size)."""
    indices = k.max_pool_indices(choice, input_size=input_size, kernel_size=kernel_size, stride=stride,
                                 padding=padding, dilation=dilation)
    return k.max_pool_backward(g, indices, input_size=input_size)


@derived("pooling", outputs=("y", "indices"))
def max_pool(k, x, *, kernel_size, stride, padding, dilation, ceil_mode=False):
    """Largest value of each window and its int64 index in the flattened spatial axes of x: the first of ties;
    nan wins. Padding is minus infinity. Where the index is not wanted, max_pool_window is cheaper."""
    y, choice = k.max_pool_window(x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                                  ceil_mode=ceil_mode)
    return y, k.max_pool_indices(choice, input_size=tuple(x.shape[2:]), kernel_size=kernel_size, stride=stride,
                                 padding=padding, dilation=dilation)


@derived("pooling")
def max_pool_backward(k, g, indices, *, input_size):
    """g scattered to the flattened spatial positions ``indices`` of an (N, C, *input_size) array, adding up."""
    n, c = g.shape[:2]
    zero = k.full(shape=(n, c, math.prod(input_size)), value=0, dtype=k.dtype_of(g), device=k.device_of(g))
    flat = (n, c, math.prod(g.shape[2:]))
    out = k.scatter(zero, k.reshape(indices, shape=flat), k.reshape(g, shape=flat), axis=2, mode="add")
    return k.reshape(out, shape=(n, c, *input_size))


@derived("pooling")
def max_pool_gather(k, x, indices):
    """The values of x (N, C, *S) at flattened spatial positions: the adjoint of max_pool_backward."""
    n, c = x.shape[:2]
    flat = k.reshape(x, shape=(n, c, math.prod(x.shape[2:])))
    at = k.reshape(indices, shape=(n, c, math.prod(indices.shape[2:])))
    return k.reshape(k.gather(flat, at, axis=2), shape=indices.shape)


def _divisors(k, x, spatial, out, kernel_size, stride, padding, count_include_pad, divisor_override):
    """Window sizes as an array that broadcasts over (N, C, *out)."""
    dims = len(kernel_size)
    total = k.full(shape=(1,) * (2 + dims), value=1.0, dtype=k.dtype_of(x), device=k.device_of(x))
    if divisor_override:
        return k.mul(total, float(divisor_override))
    for d in range(dims):
        lo = k.sub(_range(k, x, out[d], stride[d]), padding[d])
        hi = k.minimum(k.add(lo, kernel_size[d]), spatial[d] + padding[d])
        if not count_include_pad:
            lo, hi = k.maximum(lo, 0), k.minimum(hi, spatial[d])
        width = k.cast(k.sub(hi, lo), dtype=k.dtype_of(x))
        total = k.mul(total, k.reshape(width, shape=(1, 1, *(out[d] if i == d else 1 for i in range(dims)))))
    return total


@derived("pooling")
def avg_pool(k, x, *, kernel_size, stride, padding, ceil_mode=False, count_include_pad=True,
             divisor_override=None):
    """Mean of each window; zero padding, counted in the divisor unless ``count_include_pad`` is false."""
    ones = (1,) * len(kernel_size)
    win, out, dims = _pool_windows(k, x, kernel_size, stride, padding, ones, ceil_mode, 0)
    total = k.sum(win, axis=tuple(range(2 + dims, 2 + 2 * dims)))
    return k.div(total, _divisors(k, x, x.shape[2:], out, kernel_size, stride, padding,
                                  count_include_pad, divisor_override))


@derived("pooling")
def avg_pool_backward(k, g, *, input_size, kernel_size, stride, padding, ceil_mode=False,
                      count_include_pad=True, divisor_override=None):
    """Adjoint of avg_pool: g (N, C, *out) -> (N, C, *input_size)."""
    g = k.div(g, _divisors(k, g, input_size, g.shape[2:], kernel_size, stride, padding,
                           count_include_pad, divisor_override))
    n, c = g.shape[:2]
    ones = (1,) * len(kernel_size)
    flat = k.reshape(g, shape=(n * c, 1, *g.shape[2:]))
    need = tuple(max((m - 1) * s + j, size + 2 * p) for m, s, j, size, p
                 in zip(g.shape[2:], stride, kernel_size, input_size, padding, strict=True))
    w = k.full(shape=(1, 1, *kernel_size), value=1, dtype=k.dtype_of(g), device=k.device_of(g))
    out = k.conv_input(flat, w, input_size=need, stride=stride, padding=(0,) * len(ones), dilation=ones, groups=1)
    start = (0, 0, *padding)
    stop = (n * c, 1, *(p + size for p, size in zip(padding, input_size, strict=True)))
    return k.reshape(k.slice(out, start=start, stop=stop, step=(1,) * len(start)), shape=(n, c, *input_size))


@derived("embedding")
def embedding(k, w, i, *, padding_idx=-1):
    """Rows of w (V, D) for an integer array i of any shape: (*i.shape, D). The row ``padding_idx`` gets no gradient."""
    return k.take(w, i, axis=0)


@derived("embedding")
def embedding_backward(k, g, i, *, rows, padding_idx=-1):
    """Gradient of embedding by its table: g (*i.shape, D) added up into (rows, D)."""
    width = g.shape[-1]
    flat = k.reshape(i, shape=(math.prod(i.shape),))
    g2 = k.reshape(g, shape=(math.prod(i.shape), width))
    if padding_idx >= 0:
        g2 = k.where(k.reshape(k.eq(flat, padding_idx), shape=(math.prod(i.shape), 1)), 0, g2)
    zero = k.full(shape=(rows, width), value=0, dtype=k.dtype_of(g), device=k.device_of(g))
    return k.index_add(zero, flat, g2, axis=0)
