"""Samples of attention."""

from __future__ import annotations

import numpy as np

from .formulas import slopes
from .sample import declare, normal, sample

declare(__name__)


def attention(query, key, value, scale, causal):
    scores = scale * np.einsum("...ie,...je->...ij", query, key)
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    top = scores.max(-1, keepdims=True)
    powers = np.exp(scores - top)
    total = powers.sum(-1, keepdims=True)
    return np.einsum("...ij,...je->...ie", powers / total, value), (top + np.log(total))[..., 0]


def attention_backward(g, g_logsumexp, query, key, value, y, logsumexp, scale, causal):
    return tuple(slopes(lambda *v: attention(*v, scale, causal), (query, key, value), (g, g_logsumexp)))


def whole(query, key, value, how, **options):
    sample("attention", attention, query, key, value, **how, **options)


for _lead, _l, _s, _e, _v in (((), 3, 4, 2, 3), ((2,), 4, 3, 2, 2), ((2, 2), 3, 3, 3, 2), ((1, 2, 1), 2, 2, 1, 1)):
    _query, _key, _value = normal(*_lead, _l, _e), normal(*_lead, _s, _e), normal(*_lead, _s, _v)
    for _causal in (False, True):
        _how = {"scale": 0.7, "causal": _causal}
        whole(_query, _key, _value, _how)
        _y, _sums = attention(_query, _key, _value, **_how)
        _g = normal(*_lead, _l, _v)
        sample("attention_backward", attention_backward, _g, normal(*_sums.shape), _query, _key, _value, _y, _sums,
               tolerance=100.0, **_how)
# Rows and heads enough for several blocks, heads side by side in memory, and scores that only a shifted exponential bears.
_heads = [np.swapaxes(normal(2, 150, 3, 4), 1, 2) for _ in range(3)]
for _causal in (False, True):
    whole(*_heads, {"scale": 0.5, "causal": _causal}, grad=False)
    whole(*_heads, {"scale": 30.0, "causal": _causal}, grad=False)
whole(normal(2, 70, 3), normal(2, 300, 3), normal(2, 300, 2), {"scale": 1.0, "causal": True}, grad=False)
whole(normal(2, 300, 3), normal(2, 70, 3), normal(2, 70, 2), {"scale": 1.0, "causal": True}, grad=False)
