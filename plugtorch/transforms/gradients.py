"""Gradients for many cotangents in one backward pass."""

from __future__ import annotations

from plugtorch.autograd.api import grad

from .vmap import leave, mapping, repeated


def batched_gradients(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads):
    """:func:`plugtorch.autograd.grad` for cotangents with a leading axis (or None): gradients with that axis."""
    first = next(g for g in grad_outputs if g is not None)
    with mapping(first._a.shape[0], first._k, "error") as k:
        cotangents = [None if g is None else k.enter(g) for g in grad_outputs]
        results = grad(outputs, inputs, cotangents, retain_graph, create_graph, allow_unused=allow_unused,
                       materialize_grads=materialize_grads)
        gradients = []
        for g in results:
            if g is not None:
                g, mapped = leave(k, g)
                g = g if mapped else repeated(g, k.length)
            gradients.append(g)
        return tuple(gradients)
