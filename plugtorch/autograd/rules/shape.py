"""Gradients of ops that move elements."""

from __future__ import annotations

from ..plans import defvjp, defvjp_joint

defvjp("cast", x=lambda k, g: g)
defvjp("copy", x=lambda k, g: g)
defvjp("bitcast", x=None)
defvjp("reshape", x=lambda k, g, x_shape: k.reshape(g, shape=x_shape))
defvjp("permute", x=lambda k, g, axes: k.permute(g, axes=tuple(axes.index(i) for i in range(len(axes)))))
defvjp("broadcast_to", x=lambda k, g: g)
defvjp("flip", x=lambda k, g, axis: k.flip(g, axis=axis))
defvjp("pad", x=lambda k, g, lo, hi: k.pad(g, lo=tuple(-n for n in lo), hi=tuple(-n for n in hi), value=0))
defvjp("tril", x=lambda k, g, diagonal: k.tril(g, diagonal=diagonal))
defvjp("triu", x=lambda k, g, diagonal: k.triu(g, diagonal=diagonal))


def _zeros(k, g, shape):
    return k.full(shape=shape, value=0, dtype=k.dtype_of(g), device=k.device_of(g))


defvjp("slice", x=lambda k, g, x_shape, start, stop, step: k.slice_backward(
    g, shape=tuple(x_shape), start=start, stop=stop, step=step))
defvjp("slice_backward", g=lambda k, h, start, stop, step: k.slice(h, start=start, stop=stop, step=step))


defvjp("view_as_real", x=lambda k, g: k.view_as_complex(g))
defvjp("view_as_complex", x=lambda k, g: k.view_as_real(g))


def _select(k, g, x_shape, axis, index):
    rest = len(x_shape) - axis - 1
    return k.slice_backward(
        k.reshape(g, shape=(*x_shape[:axis], 1, *x_shape[axis + 1:])), shape=tuple(x_shape),
        start=(0,) * axis + (index,) + (0,) * rest, stop=(*x_shape[:axis], index + 1, *x_shape[axis + 1:]),
        step=(1,) * len(x_shape))


defvjp("select", x=_select)


def _selection(name, params):
    """Gradient of a view that selects elements: added up at the places they were read from."""

    def rule(k, g, x_shape, *values):
        from plugtorch.spec.dtypes import int64

        n = 1
        for size in x_shape:
            n *= size
        positions = k.arange(start=0, stop=n, step=1, dtype=int64, device=k.device_of(g))
        positions = k.reshape(positions, shape=x_shape)
        where = getattr(k, name)(positions, **dict(zip(params, values, strict=True)))
        count = 1
        for size in g.shape:
            count *= size
        flat = k.index_put(_zeros(k, g, (n,)), k.reshape(g, shape=(count,)), k.reshape(where, shape=(count,)),
                           accumulate=True)
        return k.reshape(flat, shape=x_shape)

    scope = {"rule": rule}
    names = ", ".join(params)
    return eval(f"lambda k, g, x_shape, {names}: rule(k, g, x_shape, {names})", scope)  # noqa: S307


defvjp("diagonal", x=_selection("diagonal", ("offset", "axis1", "axis2")))
defvjp("unfold_dim", x=_selection("unfold_dim", ("axis", "size", "step")))
defvjp("as_strided", x=_selection("as_strided", ("shape", "strides", "offset")))


@defvjp_joint("concat")
def _concat(k, g, needs, shapes, axis):
    grads, at = [], 0
    for need, shape in zip(needs, shapes, strict=True):
        stop = at + shape[axis]
        grads.append(k.slice(
            g,
            start=tuple(at if i == axis else 0 for i in range(len(shape))),
            stop=tuple(stop if i == axis else n for i, n in enumerate(g.shape)),
            step=(1,) * len(shape),
        ) if need else None)
        at = stop
    return tuple(grads)
