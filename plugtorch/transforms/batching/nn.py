"""Layers: the mapped axis becomes part of the batch axis, of the channels, or of the groups of a convolution."""

from __future__ import annotations

from plugtorch.autograd.record import apply

from .table import batched, each, folded, is_array, move_axis, op, reshape, rule, shape_of, unfolded


@rule("max_pool_window", "max_pool_indices", "max_pool_window_backward", "max_pool", "max_pool_backward",
      "max_pool_gather", "avg_pool", "avg_pool_backward")
def _pooling(k, name, operands, params):
    out = apply(name, tuple(folded(k, o) for o in operands), params)
    return each(lambda t: unfolded(k, t), out)


def _into_channels(k, o):
    """(N, C, ...) per sample as (N, length * C, ...)."""
    n, c, *rest = o.shape
    return reshape(move_axis(batched(k, o), 0, 1), n, k.length * c, *rest)


def _from_channels(k, t):
    n, c, *rest = shape_of(t)
    return move_axis(reshape(t, n, k.length, c // k.length, *rest), 1, 0)


def _beside_group(k, o, groups, axis):
    """The mapped axis inside each group of axis 0 or 1: (..., G * C, ...) per sample as (..., G * length * C, ...)."""
    shape = o.shape
    size = shape[axis] // groups
    split = reshape(o.value, k.length, *shape[:axis], groups, size, *shape[axis + 1:])
    return reshape(move_axis(split, 0, axis + 1), *shape[:axis], groups * k.length * size, *shape[axis + 1:])


def _from_group(k, t, groups, axis):
    shape = shape_of(t)
    size = shape[axis] // (groups * k.length)
    split = reshape(t, *shape[:axis], groups, k.length, size, *shape[axis + 1:])
    return reshape(move_axis(split, axis + 1, 0), k.length, *shape[:axis], groups * size, *shape[axis + 1:])


@rule("conv")
def _conv(k, name, operands, params):
    x, w = operands
    groups = params["groups"]
    if not w.batched:
        return unfolded(k, op(name, folded(k, x), w.value, **params))
    if not x.batched:
        return _from_group(k, op(name, x.value, _beside_group(k, w, groups, 0), **params), groups, 1)
    y = op(name, _into_channels(k, x), folded(k, w), **{**params, "groups": k.length * groups})
    return _from_channels(k, y)


@rule("conv_input")
def _conv_input(k, name, operands, params):
    g, w = operands
    groups = params["groups"]
    if not w.batched:
        return unfolded(k, op(name, folded(k, g), w.value, **params))
    if not g.batched:
        o, c, *kernel = w.shape
        wide = reshape(move_axis(w.value, 0, 1), o, k.length * c, *kernel)
        return _from_group(k, op(name, g.value, wide, **params), groups, 1)
    y = op(name, _into_channels(k, g), folded(k, w), **{**params, "groups": k.length * groups})
    return _from_channels(k, y)


@rule("conv_weight")
def _conv_weight(k, name, operands, params):
    x, g = operands
    groups = params["groups"]
    if not g.batched:
        wide = op(name, _beside_group(k, x, groups, 1), g.value, **params)
        return _from_channels(k, wide)
    if not x.batched:
        return _from_group(k, op(name, x.value, _beside_group(k, g, groups, 1), **params), groups, 0)
    y = op(name, _into_channels(k, x), _into_channels(k, g), **{**params, "groups": k.length * groups})
    return unfolded(k, y)


@rule("layer_norm")
def _layer_norm(k, name, operands, params):
    x, weight, bias = operands
    if _plain(weight) and _plain(bias):
        return op(name, x.value, _value(weight), _value(bias), **params)
    y, mean, rstd = k.layer_norm(x, None, None, **params)
    return _scaled(k, y, weight, bias, None), mean, rstd


@rule("group_norm")
def _group_norm(k, name, operands, params):
    x, weight, bias = operands
    if _plain(weight) and _plain(bias):
        return each(lambda t: unfolded(k, t), op(name, folded(k, x), _value(weight), _value(bias), **params))
    y, mean, rstd = k.group_norm(x, None, None, **params)
    return _scaled(k, y, weight, bias, (1, x.shape[1], *(1,) * (len(x.shape) - 2))), mean, rstd


@rule("batch_norm_train")
def _batch_norm_train(k, name, operands, params):
    x, weight, bias = operands
    y, *statistics = op(name, _into_channels(k, x), folded(k, weight), folded(k, bias), **params)
    return _from_channels(k, y), *(unfolded(k, s) for s in statistics)


@rule("batch_norm_train_backward")
def _batch_norm_train_backward(k, name, operands, params):
    g, x, *channels = operands
    gx, gweight, gbias = op(name, _into_channels(k, g), _into_channels(k, x), *(folded(k, c) for c in channels))
    return _from_channels(k, gx), unfolded(k, gweight), unfolded(k, gbias)


@rule("batch_norm_eval")
def _batch_norm_eval(k, name, operands, params):
    x, *channels = operands
    return _from_channels(k, op(name, _into_channels(k, x), *(folded(k, c) for c in channels), **params))


def _plain(o):
    return not is_array(o) or not o.batched


def _value(o):
    return o.value if is_array(o) else o


def _scaled(k, y, weight, bias, shape):
    """``y * weight + bias`` at this level."""
    for operand, combine in ((weight, k.mul), (bias, k.add)):
        if operand is not None:
            y = combine(y, operand if shape is None else k.reshape(operand, shape=shape))
    return y
