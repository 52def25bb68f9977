"""Attention as a whole op: softmax(query key^T) value (Vaswani et al., arXiv:1706.03762).

query is (..., L, E), key (..., S, E) and value (..., S, Ev), with the same leading axes; L, S and E are positive. With
``causal``, position i of the query sees positions up to i of the key.
"""

from __future__ import annotations

import math

from ..dtypes import int64
from ..op import derived


def _turned(k, x):
    n = len(x.shape)
    return k.permute(x, axes=(*range(n - 2), n - 1, n - 2))


def _scores(k, query, key, scale, causal):
    scores = k.matmul(k.mul(query, scale), _turned(k, key))
    if not causal:
        return scores
    rows, columns = scores.shape[-2:]
    device = k.device_of(query)
    row = k.reshape(k.arange(start=0, stop=rows, step=1, dtype=int64, device=device), shape=(rows, 1))
    column = k.arange(start=0, stop=columns, step=1, dtype=int64, device=device)
    return k.where(k.le(column, row), scores, -math.inf)


@derived("attention", outputs=("y", "logsumexp"))
def attention(k, query, key, value, *, scale, causal):
    """``softmax(scale * query @ key^T) @ value``, (..., L, Ev), and the logarithm of the sum of exponentials of each row of
    scores, (..., L), from which the gradient finds the weights again."""
    scores = _scores(k, query, key, scale, causal)
    top = k.max(scores, axis=(len(scores.shape) - 1,), keepdims=True)
    powers = k.exp(k.sub(scores, top))
    total = k.sum(powers, axis=(len(scores.shape) - 1,), keepdims=True)
    y = k.matmul(k.div(powers, total), value)
    return y, k.reshape(k.add(top, k.log(total)), shape=scores.shape[:-1])


@derived("attention", outputs=("gquery", "gkey", "gvalue"))
def attention_backward(k, g, g_logsumexp, query, key, value, y, logsumexp, *, scale, causal):
    """Gradients of attention by query, key and value. ``g_logsumexp``, the gradient of the second result, may be None."""
    column = (*logsumexp.shape, 1)
    scores = _scores(k, query, key, scale, causal)
    weights = k.exp(k.sub(scores, k.reshape(logsumexp, shape=column)))
    level = k.sum(k.mul(g, y), axis=(len(y.shape) - 1,))
    if g_logsumexp is not None:
        level = k.sub(level, g_logsumexp)
    slope = k.sub(k.matmul(g, _turned(k, value)), k.reshape(level, shape=column))
    slope = k.mul(k.mul(weights, slope), scale)
    return k.matmul(slope, key), k.matmul(_turned(k, slope), query), k.matmul(_turned(k, weights), g)
