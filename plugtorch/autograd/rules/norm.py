"""Gradients of normalisation layers.

The backward ops have no rules of their own: a second differentiation runs through their compositions.
The statistics, saved as results, are constants of the first pass; under ``create_graph`` the
composition is differentiated afresh from the inputs.
"""

from __future__ import annotations

from ..plans import defvjp_joint


def _grads(grads, needs):
    return tuple(g if need else None for g, need in zip(grads, needs, strict=True))


@defvjp_joint("batch_norm_train")
def _batch_norm_train(k, gs, needs, x, weight, mean, rstd):
    return _grads(k.batch_norm_train_backward(gs[0], x, weight, mean, rstd), needs)


@defvjp_joint("layer_norm")
def _layer_norm(k, gs, needs, x, weight, mean, rstd, ndim):
    return _grads(k.layer_norm_backward(gs[0], x, weight, mean, rstd, ndim=ndim), needs)


@defvjp_joint("group_norm")
def _group_norm(k, gs, needs, x, weight, mean, rstd, groups):
    return _grads(k.group_norm_backward(gs[0], x, weight, mean, rstd, groups=groups), needs)
