"""Gradients of reading and writing by index."""

from __future__ import annotations

from plugtorch.spec.dtypes import int64

from ..plans import defvjp, defvjp_joint, nondifferentiable

nondifferentiable("nonzero")


def _zeros(k, g, shape):
    return k.full(shape=shape, value=0, dtype=k.dtype_of(g), device=k.device_of(g))


def _take(k, g, x_shape, i, axis):
    n = 1
    for size in i.shape:
        n *= size
    g = k.reshape(g, shape=(*x_shape[:axis], n, *x_shape[axis + 1:]))
    return k.index_add(_zeros(k, g, x_shape), k.reshape(i, shape=(n,)), g, axis=axis)


defvjp("take", x=_take, i=None)
defvjp("gather", x=lambda k, g, x_shape, i, axis: k.scatter(_zeros(k, g, x_shape), i, g, axis=axis, mode="add"), i=None)
defvjp("pick", x=lambda k, g, x_shape, i, axis: k.pick_backward(g, i, axis=axis, size=x_shape[axis]), i=None)
defvjp("pick_backward", g=lambda k, h, i, axis: k.pick(h, i, axis=axis), i=None)
defvjp("index_add", x=lambda k, g: g, i=None, s=lambda k, g, i, axis: k.take(g, i, axis=axis))


def _cut(k, s_shape, g_part, i_shape):
    """The gradient of a source that may be larger than the index: zero outside."""
    if tuple(s_shape) == tuple(i_shape):
        return g_part
    hi = tuple(a - b for a, b in zip(s_shape, i_shape, strict=True))
    return k.pad(g_part, lo=(0,) * len(s_shape), hi=hi, value=0)


@defvjp_joint("scatter")
def _scatter(k, g, needs, x, i, s, y, axis, mode):
    gx = gs = None
    inner = k.slice(s, start=(0,) * len(s.shape), stop=tuple(i.shape), step=(1,) * len(s.shape)) \
        if tuple(s.shape) != tuple(i.shape) else s
    if mode == "add":
        return g, None, _cut(k, s.shape, k.gather(g, i, axis=axis), i.shape) if needs[2] else None
    if mode == "set":
        if needs[0]:
            gx = k.scatter(g, i, k.zeros_like(inner), axis=axis)
        return gx, None, _cut(k, s.shape, k.gather(g, i, axis=axis), i.shape) if needs[2] else None
    if mode == "mul":
        # The product of the other factors: that of all that are not zero over this one, if no other is zero.
        x_zero, s_zero = k.eq(x, 0), k.eq(inner, 0)
        x_safe, s_safe = k.where(x_zero, 1, x), k.where(s_zero, 1, inner)
        solid = k.scatter(x_safe, i, s_safe, axis=axis, mode="mul")
        mine, theirs = k.cast(x_zero, dtype=int64), k.cast(s_zero, dtype=int64)
        zeros = k.scatter(mine, i, theirs, axis=axis, mode="add")
        if needs[0]:
            gx = k.where(k.eq(k.sub(zeros, mine), 0), k.mul(g, k.conj(k.div(solid, x_safe))), 0)
        if needs[2]:
            rest = k.div(k.gather(solid, i, axis=axis), s_safe)
            alone = k.eq(k.sub(k.gather(zeros, i, axis=axis), theirs), 0)
            gs = k.where(alone, k.mul(k.gather(g, i, axis=axis), k.conj(rest)), 0)
        return gx, None, _cut(k, s.shape, gs, i.shape) if needs[2] else None
    # max and min: shared equally by everything that equals the result
    mine = k.cast(k.eq(x, y), dtype=k.dtype_of(x))
    theirs = k.cast(k.eq(inner, k.gather(y, i, axis=axis)), dtype=k.dtype_of(x))
    share = k.div(g, k.scatter(mine, i, theirs, axis=axis, mode="add"))
    return (k.mul(mine, share) if needs[0] else None, None,
            _cut(k, s.shape, k.mul(theirs, k.gather(share, i, axis=axis)), i.shape) if needs[2] else None)


@defvjp_joint("index")
def _index(k, g, needs, shapes, idx):
    gx = k.index_put(_zeros(k, g, shapes[0]), g, *idx, accumulate=True)
    return (gx, *(None for _ in idx))


@defvjp_joint("index_put")
def _index_put(k, g, needs, shapes, idx, accumulate):
    none = tuple(None for _ in idx)
    gx = gv = None
    if needs[1]:
        gv = k.index(g, *idx)
    if needs[0]:
        gx = g if accumulate else k.index_put(
            g, k.full(shape=(), value=0, dtype=k.dtype_of(g), device=k.device_of(g)), *idx)
    return (gx, gv, *none)


defvjp("slice_put",
       x=lambda k, g, v_shape, start, stop, step: k.slice_put(
           g, _zeros(k, g, v_shape), start=start, stop=stop, step=step),
       v=lambda k, g, start, stop, step: k.slice(g, start=start, stop=stop, step=step))
