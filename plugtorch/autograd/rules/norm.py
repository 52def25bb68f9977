"""Gradients of normalisation layers.

The backward ops have no rules of their own: a second differentiation runs through their compositions. There the
statistics, saved as results, depend on the input again, so the rules answer for their gradients too.
"""

from __future__ import annotations

import math

from ..plans import defvjp_joint


def _through_statistics(k, gx, x, axis, mean, rstd, g_mean, g_var, g_rstd):
    """Adds what reaches x by way of the moments over ``axis``, all shaped to broadcast against x:
    ``d mean = 1 / n``, ``d var = 2 (x - mean) / n``, ``d rstd = -rstd^3 / 2 d var``."""
    n = max(math.prod(x.shape[i] for i in axis), 1)
    if g_rstd is not None:
        part = k.mul(g_rstd, k.mul(k.mul(k.mul(rstd, rstd), rstd), -0.5))
        g_var = part if g_var is None else k.add(g_var, part)
    if g_var is not None:
        part = k.mul(k.sub(x, mean), k.mul(g_var, 2 / n))
        gx = part if gx is None else k.add(gx, part)
    if g_mean is not None:
        part = k.broadcast_to(k.mul(g_mean, 1 / n), shape=tuple(x.shape))
        gx = part if gx is None else k.add(gx, part)
    return gx


def _grads(grads, needs):
    return tuple(g if need else None for g, need in zip(grads, needs, strict=True))


def _shaped(k, v, shape):
    return None if v is None else k.reshape(v, shape=shape)


@defvjp_joint("batch_norm_train")
def _batch_norm_train(k, gs, needs, x, weight, mean, rstd):
    grads = k.batch_norm_train_backward(gs[0], x, weight, mean, rstd) if gs[0] is not None else (None,) * 3
    if needs[0] and (gs[1] is not None or gs[2] is not None or gs[3] is not None):
        shape = (1, x.shape[1], *(1,) * (len(x.shape) - 2))
        mean, rstd, *stats = (_shaped(k, v, shape) for v in (mean, rstd, *gs[1:]))
        grads = (_through_statistics(k, grads[0], x, (0, *range(2, len(x.shape))), mean, rstd, *stats), *grads[1:])
    return _grads(grads, needs)


@defvjp_joint("layer_norm")
def _layer_norm(k, gs, needs, x, weight, mean, rstd, ndim):
    grads = k.layer_norm_backward(gs[0], x, weight, mean, rstd, ndim=ndim) if gs[0] is not None else (None,) * 3
    if needs[0] and (gs[1] is not None or gs[2] is not None):
        axis = tuple(range(len(x.shape) - ndim, len(x.shape)))
        grads = (_through_statistics(k, grads[0], x, axis, mean, rstd, gs[1], None, gs[2]), *grads[1:])
    return _grads(grads, needs)


@defvjp_joint("group_norm")
def _group_norm(k, gs, needs, x, weight, mean, rstd, groups):
    grads = k.group_norm_backward(gs[0], x, weight, mean, rstd, groups=groups) if gs[0] is not None else (None,) * 3
    if needs[0] and (gs[1] is not None or gs[2] is not None):
        n = x.shape[0]
        split, kept = (n, groups, math.prod(x.shape) // max(n * groups, 1)), (n, groups, 1)
        mean, rstd, g_mean, g_rstd = (_shaped(k, v, kept) for v in (mean, rstd, *gs[1:]))
        through = _through_statistics(k, None, k.reshape(x, shape=split), (2,), mean, rstd, g_mean, None, g_rstd)
        through = k.reshape(through, shape=tuple(x.shape))
        grads = (through if grads[0] is None else k.add(grads[0], through), *grads[1:])
    return _grads(grads, needs)
