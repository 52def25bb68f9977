"""Convolution and pooling by XLA's own operations. Adjoints are transposes of the linear maps, taken by JAX."""

from __future__ import annotations

from itertools import product
from math import inf, prod

import jax
import jax.numpy as jnp
from jax import lax

from plugtorch.spec.ops.nn import pooled_size

from .linalg import EXACT

# Windows of up to this many elements are compared by one strided slice for each.
FEW = 32


def _convolve(x, w, stride, padding, dilation, groups):
    wide = jnp.float32 if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else None
    y = lax.conv_general_dilated(
        x, w, window_strides=stride, padding=[(p, p) for p in padding], rhs_dilation=dilation,
        feature_group_count=groups, precision=EXACT, preferred_element_type=wide,
    )
    return y.astype(x.dtype)


def _like(shape, x):
    return jax.ShapeDtypeStruct(shape, x.dtype)


def _geometry(size, kernel, stride, padding, dilation, ceil_mode):
    """Output sizes, and the padding after each axis with which the last window fits."""
    out = tuple(pooled_size(*v, ceil_mode) for v in zip(size, kernel, stride, padding, dilation, strict=True))
    after = tuple(max(0, (m - 1) * s + d * (j - 1) + 1 - n - p) for m, s, d, j, n, p
                  in zip(out, stride, dilation, kernel, size, padding, strict=True))
    return out, after


def _taps(x, out, after, kernel, stride, padding, dilation, value):
    """Yields, per element of the window in C order, the values (N, C, *out) that it reads."""
    fill = jnp.asarray(value, x.dtype)
    x = lax.pad(x, fill, [(0, 0, 0), (0, 0, 0), *((p, a, 0) for p, a in zip(padding, after, strict=True))])
    for tap in product(*map(range, kernel)):
        start = [t * d for t, d in zip(tap, dilation, strict=True)]
        stop = [a + (m - 1) * s + 1 for a, m, s in zip(start, out, stride, strict=True)]
        yield lax.slice(x, (0, 0, *start), (*x.shape[:2], *stop), (1, 1, *stride))


def _lowest(dtype):
    return -inf if dtype.kind not in "iu" else jnp.iinfo(dtype).min


def _covered(y, g):
    """The part of a convolution that a cotangent covers: output padding may leave positions beyond it."""
    return y if y.shape == g.shape else y[tuple(slice(0, n) for n in g.shape)]


class JaxLayers:
    """Convolution and pooling; all other layers are their compositions, compiled as one program."""

    def conv(self, x, w, *, stride, padding, dilation, groups):
        return _convolve(x, w, stride, padding, dilation, groups)

    def conv_input(self, g, w, *, input_size, stride, padding, dilation, groups):
        x = _like((g.shape[0], w.shape[1] * groups, *input_size), g)
        if 0 in x.shape or g.size == 0 or w.size == 0:
            return jnp.zeros(x.shape, x.dtype)
        if g.dtype.itemsize == 2:
            wide = self.conv_input(g.astype(jnp.float32), w.astype(jnp.float32), input_size=input_size, stride=stride,
                                   padding=padding, dilation=dilation, groups=groups)
            return wide.astype(g.dtype)
        back = jax.linear_transpose(lambda x: _covered(_convolve(x, w, stride, padding, dilation, groups), g), x)
        return back(g)[0]

    def conv_weight(self, x, g, *, kernel_size, stride, padding, dilation, groups):
        w = _like((g.shape[1], x.shape[1] // groups, *kernel_size), g)
        if 0 in w.shape or g.size == 0 or x.size == 0:
            return jnp.zeros(w.shape, w.dtype)
        if g.dtype.itemsize == 2:
            wide = self.conv_weight(x.astype(jnp.float32), g.astype(jnp.float32), kernel_size=kernel_size,
                                    stride=stride, padding=padding, dilation=dilation, groups=groups)
            return wide.astype(g.dtype)
        back = jax.linear_transpose(lambda w: _covered(_convolve(x, w, stride, padding, dilation, groups), g), w)
        return back(g)[0]

    def max_pool_window(self, x, *, kernel_size, stride, padding, dilation, ceil_mode=False):
        if prod(kernel_size) > FEW:
            return super().max_pool_window(x, kernel_size=kernel_size, stride=stride, padding=padding,
                                           dilation=dilation, ceil_mode=ceil_mode)
        out, after = _geometry(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
        frame = jnp.zeros((1, 1, *x.shape[2:]), jnp.bool_)
        outside = list(_taps(frame, out, after, kernel_size, stride, padding, dilation, True))
        best = choice = None
        values = _taps(x, out, after, kernel_size, stride, padding, dilation, _lowest(x.dtype))
        for number, (value, out_of_range) in enumerate(zip(values, outside, strict=True)):
            if best is None:
                best, choice, empty = value, jnp.zeros(value.shape, jnp.uint8), out_of_range
                continue
            # The first element inside the input replaces padding even where both are the smallest value.
            better = (value > best) | (value != value) | (empty & ~out_of_range)
            best, choice = jnp.where(better, value, best), jnp.where(better, jnp.uint8(number), choice)
            empty = empty & out_of_range
        return best, choice

    def max_pool_window_backward(self, g, choice, *, input_size, kernel_size, stride, padding, dilation):
        if prod(kernel_size) > FEW:
            return super().max_pool_window_backward(
                g, choice, input_size=input_size, kernel_size=kernel_size, stride=stride, padding=padding,
                dilation=dilation)
        total, zero = None, jnp.zeros((), g.dtype)
        for number, tap in enumerate(product(*map(range, kernel_size))):
            edges = [(0, 0, 0), (0, 0, 0)]
            for t, d, p, m, s, n in zip(tap, dilation, padding, g.shape[2:], stride, input_size, strict=True):
                lo = t * d - p
                edges.append((lo, n - lo - (m - 1) * s - 1, s - 1))
            part = lax.pad(jnp.where(choice == number, g, zero), zero, edges)
            total = part if total is None else total + part
        return total

    def avg_pool(self, x, *, kernel_size, stride, padding, ceil_mode=False, count_include_pad=True,
                 divisor_override=None):
        return _mean_windows(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)

    def avg_pool_backward(self, g, *, input_size, kernel_size, stride, padding, ceil_mode=False,
                          count_include_pad=True, divisor_override=None):
        back = jax.linear_transpose(
            lambda x: _mean_windows(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override),
            _like((*g.shape[:2], *input_size), g))
        return back(g)[0]


def _mean_windows(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override):
    ones = (1,) * len(kernel)
    out, after = _geometry(x.shape[2:], kernel, stride, padding, ones, ceil_mode)
    total = x
    for d in range(len(kernel)):
        # Windows along one axis at a time: as many slices as the kernel is long, not large.
        only = [tuple(v[d] if i == d else neutral for i in range(len(kernel)))
                for v, neutral in ((kernel, 1), (stride, 1), (padding, 0), (after, 0))]
        line = tuple(out[d] if i == d else n for i, n in enumerate(total.shape[2:]))
        total = sum(_taps(total, line, only[3], only[0], only[1], only[2], ones, 0))
    if divisor_override:
        return total / divisor_override
    divisor = jnp.ones((1, 1), x.dtype)
    for n, k, s, p, m in zip(x.shape[2:], kernel, stride, padding, out, strict=True):
        begin = jnp.arange(m) * s - p
        end = jnp.minimum(begin + k, n + p)
        if not count_include_pad:
            begin, end = jnp.maximum(begin, 0), jnp.minimum(end, n)
        divisor = divisor[..., None] * (end - begin).astype(x.dtype)
    return total / divisor
