"""Gradients of attention as a whole op; a second differentiation runs through the composition of the first."""

from __future__ import annotations

from ..plans import defvjp_joint


@defvjp_joint("attention")
def _attention(k, gs, needs, query, key, value, y, logsumexp, scale, causal):
    g = k.mul(y, 0) if gs[0] is None else gs[0]
    grads = k.attention_backward(g, gs[1], query, key, value, y, logsumexp, scale=scale, causal=causal)
    return tuple(g if need else None for g, need in zip(grads, needs, strict=True))
