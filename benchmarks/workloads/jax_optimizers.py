"""Optimizers by hand in JAX: pure functions of trees of arrays, to be traced into a jitted step."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def sgd(lr, momentum=0.0):
    """``(init, update)``: ``init(p)`` is the state, ``update(p, g, state)`` the new parameters and state."""

    def init(p):
        return jax.tree.map(jnp.zeros_like, p) if momentum else ()

    def update(p, g, state):
        if momentum:
            g = state = jax.tree.map(lambda v, g: momentum * v + g, state, g)
        return jax.tree.map(lambda p, g: p - lr * g, p, g), state

    return init, update


def adam(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, decay=0.0):
    """``(init, update)`` of Adam, or AdamW where ``decay`` is given."""
    b1, b2 = betas

    def init(p):
        return jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p), jnp.zeros((), jnp.float32)

    def update(p, g, state):
        m, v, count = state
        count = count + 1
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, g)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, g)
        rate, root = lr / (1 - b1 ** count), (1 - b2 ** count) ** -0.5
        p = jax.tree.map(lambda p, m, v: (1 - lr * decay) * p - rate * m / (jnp.sqrt(v) * root + eps), p, m, v)
        return p, (m, v, count)

    return init, update


def trainer(parameters, loss_of, optimizer, batch):
    """``step()`` of a jitted training step whose parameters and state are donated; ``loss_of(parameters, *batch)``."""
    init, update = optimizer
    batch = tuple(map(jnp.asarray, batch))
    p = jax.tree.map(jnp.array, parameters)
    held = [p, init(p)]

    def whole(p, state, *batch):
        loss, g = jax.value_and_grad(loss_of)(p, *batch)
        return loss, *update(p, g, state)

    jitted = jax.jit(whole, donate_argnums=(0, 1))

    def step():
        loss, *held[:] = jitted(*held, *batch)
        return loss

    return step


def cross_entropy(logits, labels):
    """Mean cross entropy of logits (N, C)."""
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1).mean()
