"""Gradients of reductions, scans and sorting."""

from __future__ import annotations

import math

from plugtorch.spec.abstract import reduce_shape
from plugtorch.spec.backend import Backend
from plugtorch.spec.dtypes import int64

from ..plans import defvjp, nondifferentiable

nondifferentiable("any", "all", "argmax", "argmin")


def _spread(k, g, shape, axis, keepdims):
    """g, a reduction's gradient, over the reduced axes again."""
    if not keepdims:
        g = k.reshape(g, shape=reduce_shape(shape, axis, True))
    return k.broadcast_to(g, shape=shape)


def _kept(k, y, shape, axis, keepdims):
    return y if keepdims else k.reshape(y, shape=reduce_shape(shape, axis, True))


defvjp("sum", x=lambda k, g, x_shape, axis, keepdims: _spread(k, g, x_shape, axis, keepdims))


def _mean(k, g, x_shape, axis, keepdims):
    n = math.prod(x_shape[i] for i in axis)
    return _spread(k, k.mul(g, 1 / n if n else math.nan), x_shape, axis, keepdims)


defvjp("mean", x=_mean)


def _extreme(k, g, x, y, axis, keepdims):
    """Shared equally among ties."""
    hit = k.cast(k.eq(x, _kept(k, y, x.shape, axis, keepdims)), dtype=k.dtype_of(x))
    share = k.div(_kept(k, g, x.shape, axis, keepdims), k.sum(hit, axis=axis, keepdims=True))
    return k.mul(hit, share)


defvjp("max", x=_extreme)
defvjp("min", x=_extreme)


def _at_index(k, gs, x_shape, indices, axis, keepdims):
    g = gs[0]
    if not keepdims:
        shape = reduce_shape(x_shape, (axis,), True)
        g, indices = k.reshape(g, shape=shape), k.reshape(indices, shape=shape)
    zero = k.full(shape=x_shape, value=0, dtype=k.dtype_of(g), device=k.device_of(g))
    return k.scatter(zero, indices, g, axis=axis)


defvjp("max_index", x=_at_index)
defvjp("min_index", x=_at_index)


def _prod(k, g, x, axis, keepdims):
    """Product of the others for each element, by running products from both ends: right with zeros too."""
    rest = tuple(i for i in range(len(x.shape)) if i not in axis)
    order = (*rest, *axis)
    lines = k.permute(x, axes=order)
    lead = tuple(x.shape[i] for i in rest)
    n = math.prod(x.shape[i] for i in axis)
    flat = k.reshape(lines, shape=(*lead, n))
    last = len(lead)
    ones = k.full(shape=(*lead, 1), value=1, dtype=k.dtype_of(x), device=k.device_of(x))

    def without_last(v):
        return k.slice(v, start=(0,) * (last + 1), stop=(*lead, n - 1), step=(1,) * (last + 1))

    if n == 0:
        return k.zeros_like(x)
    before = k.cumprod(k.concat(ones, without_last(flat), axis=last), axis=last)
    turned = k.flip(flat, axis=(last,))
    after = k.flip(k.cumprod(k.concat(ones, without_last(turned), axis=last), axis=last), axis=(last,))
    others = k.reshape(k.mul(before, after), shape=lines.shape)
    others = k.permute(others, axes=tuple(order.index(i) for i in range(len(order))))
    return k.mul(_kept(k, g, x.shape, axis, keepdims), k.conj(others))


defvjp("prod", x=_prod)
defvjp("cumsum", x=lambda k, g, axis: k.flip(k.cumsum(k.flip(g, axis=(axis,)), axis=axis), axis=(axis,)))


def _cumprod(k, g, x, y, axis):
    """``gx_i = sum over j >= i of g_j * prod of x_m, m <= j, m != i``: by division where no zero stands before,
    and term by term along a line that holds one."""
    def tail(v):
        return k.flip(k.cumsum(k.flip(v, axis=(axis,)), axis=axis), axis=(axis,))

    if not isinstance(k, Backend):
        return _cumprod_pairs(k, g, x, axis)
    zero = k.eq(x, 0)
    seen = k.cumsum(k.cast(zero, dtype=int64), axis=axis)
    first = k.bit_and(zero, k.eq(seen, 1))
    ordinary = k.div(tail(k.mul(g, k.conj(y))), k.conj(k.where(zero, 1, x)))
    ordinary = k.where(k.eq(seen, 0), ordinary, 0)
    # At the first zero of a line: the products without it, up to the second zero.
    others = k.cumprod(k.where(first, 1, x), axis=axis)
    at_first = tail(k.where(k.eq(seen, 0), 0, k.mul(g, k.conj(others))))
    return k.where(first, at_first, ordinary)


def _cumprod_pairs(k, g, x, axis):
    """The same sum with every product formed by itself: quadratic in the line's length, and right to differentiate
    again at zeros, where the division above has dropped terms that vanish only to first order."""
    order = (*(i for i in range(len(x.shape)) if i != axis), axis)
    lines = k.permute(x, axes=order)
    lead, n = tuple(lines.shape[:-1]), x.shape[axis]
    rows = k.reshape(k.arange(start=0, stop=n, step=1, dtype=int64, device=k.device_of(x)), shape=(n, 1))
    columns = k.reshape(rows, shape=(1, n))
    spread = k.broadcast_to(k.reshape(lines, shape=(*lead, 1, n)), shape=(*lead, n, n))
    without = k.where(k.eq(rows, columns), 1, spread)
    products = k.where(k.le(rows, columns), k.cumprod(without, axis=len(lead) + 1), 0)
    weights = k.reshape(k.permute(g, axes=order), shape=(*lead, 1, n))
    total = k.sum(k.mul_conj(weights, products), axis=(len(lead) + 1,))
    return k.permute(total, axes=tuple(order.index(i) for i in range(len(order))))


defvjp("cumprod", x=_cumprod)


def _sorted(k, gs, x_shape, indices, axis):
    g = gs[0]
    if not x_shape:
        return g
    zero = k.full(shape=x_shape, value=0, dtype=k.dtype_of(g), device=k.device_of(g))
    return k.scatter(zero, indices, g, axis=axis)


defvjp("sort", x=_sorted)
defvjp("topk", x=_sorted)
defvjp("logsumexp", x=lambda k, g, x, y, axis, keepdims: k.mul(
    _kept(k, g, x.shape, axis, keepdims), k.conj(k.exp(k.sub(x, _finite(k, _kept(k, y, x.shape, axis, keepdims)))))))


def _finite(k, y):
    """-inf replaced by 0 where every exponent is -inf: PyTorch's gradient there is 0 times nothing, not nan."""
    return k.where(k.eq(y, -math.inf), 0, y) if not k.dtype_of(y).is_complex else y


def _var_mean(k, gs, x, axis, correction, keepdims):
    g_var, g_mean = gs
    n = math.prod(x.shape[i] for i in axis)
    total = None
    if g_var is not None:
        centred = k.sub(x, k.mean(x, axis=axis, keepdims=True))
        free = max(n - correction, 0)
        scale = k.mul(_kept(k, g_var, x.shape, axis, keepdims), 2 / free if free else math.nan)
        total = k.mul(centred, _as(k, scale, k.dtype_of(x)))
    if g_mean is not None:
        part = _mean(k, g_mean, x.shape, axis, keepdims)
        total = part if total is None else k.add(total, part)
    return total


defvjp("var_mean", x=_var_mean)


def _norm(k, g, x, y, p, axis, keepdims):
    shape = x.shape
    g, y = _kept(k, g, shape, axis, keepdims), _kept(k, y, shape, axis, keepdims)
    dtype = k.dtype_of(x)
    direction = k.sgn(x) if dtype.is_complex else k.sign(x)
    if p == 0:
        return k.zeros_like(x)
    if p == 1:
        return k.mul(direction, _as(k, g, dtype))
    if p == 2:
        zero = k.eq(y, 0)
        return k.mul(k.where(zero, 0, k.div(x, _as(k, k.where(zero, 1, y), dtype))), _as(k, g, dtype))
    a = k.abs(x)
    if math.isinf(p):
        # The extreme again from the same values: a rounded y might equal none of them.
        top = (k.max if p > 0 else k.min)(a, axis=axis, keepdims=True)
        hit = k.cast(k.eq(a, top), dtype=k.dtype_of(a))
        share = k.div(g, k.sum(hit, axis=axis, keepdims=True))
        return k.mul(direction, _as(k, k.mul(hit, share), dtype))
    zero = k.eq(y, 0)
    scale = k.where(zero, 0, k.div(g, k.pow(k.where(zero, 1, y), p - 1)))
    still = k.eq(a, 0)
    power = k.where(still, 0, k.pow(k.where(still, 1, a), p - 1))
    return k.mul(direction, _as(k, k.mul(power, scale), dtype))


def _as(k, x, dtype):
    return k.cast(x, dtype=dtype) if dtype.is_complex else x


defvjp("norm", x=_norm)
