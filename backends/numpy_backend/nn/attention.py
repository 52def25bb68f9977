"""Attention and its adjoint over blocks of heads and rows whose scores stay in cache.

The scores of a block exist only while it is worked on: what is kept is the logarithm of the sum of exponentials of every
row, from which the adjoint computes the weights again (Dao et al., arXiv:2205.14135). With a causal mask the columns
beyond the last row of a block are never computed, and those on its diagonal are taken out by a triangle of ones and
zeros. As in ``softmax.py`` the largest score is subtracted only where some score is large.

Arrays are ``(..., L, E)`` with any strides.
"""

from __future__ import annotations

import functools

import numpy as np

from ..threads import shares, spread
from .scratch import empty
from .softmax import SOFTMAX_SAFE, SUM_SAFE

__all__ = ["attention", "attention_backward"]

BLOCK_BYTES = 1 << 18
# Rows of one block. More of them waste work on the masked half of the diagonal; fewer make the products small.
ROWS, CAUSAL_ROWS = 256, 64
# The largest exponent of a weight that is computed before it is masked; exp stays finite.
EXPONENT_SAFE = 80.0


def attention(query, key, value, *, scale, causal):
    """``(y, logsumexp)`` of shapes ``(..., L, Ev)`` and ``(..., L)``; see ``spec/ops/attention.py``."""
    shape = query.shape[:-1]
    query, key, value = map(_four, (query, key, value))
    y = _empty(query.shape[:3], value.shape[3], query.dtype)
    logsumexp = np.empty((*query.shape[:3], 1), query.dtype)

    def work(blocks):
        memory = {}
        for heads, ranges in blocks:
            keys, values = key[heads], value[heads]
            for rows, seen, first in ranges:
                part = _scaled(query[heads][:, :, rows], scale, memory)
                seen_keys = keys[:, :, :seen].swapaxes(2, 3)
                powers = _product(part, seen_keys, memory, "powers")
                diagonal = powers[..., first:]
                total, sums = _total(part, memory), logsumexp[heads][:, :, rows]
                if not _plain_powers(powers, diagonal, total):
                    np.matmul(part, seen_keys, out=powers)
                    _mask(diagonal)
                    top = powers.max(axis=3, keepdims=True)
                    np.subtract(powers, top, out=powers)
                    np.exp(powers, out=powers)
                    _sum(powers, total)
                    np.add(top, np.log(total), out=sums)
                else:
                    np.log(total, out=sums)
                target = y[heads][:, :, rows]
                np.matmul(powers, values[:, :, :seen], out=target)
                np.divide(target, total, out=target)

    spread(work, _shared_blocks(query, key, causal))
    return y.reshape(*shape, y.shape[3]), logsumexp.reshape(shape)


def attention_backward(g, g_logsumexp, query, key, value, y, logsumexp, *, scale, causal):
    """Gradients ``(gquery, gkey, gvalue)`` of `attention`; ``g_logsumexp`` may be None."""
    shapes = query.shape, key.shape, value.shape
    g, query, key, value, y = map(_four, (g, query, key, value, y))
    logsumexp = logsumexp.reshape(*query.shape[:3], 1)
    g_logsumexp = None if g_logsumexp is None else g_logsumexp.reshape(logsumexp.shape)
    gquery, gkey, gvalue = (_empty(a.shape[:3], a.shape[3], a.dtype) for a in (query, key, value))
    factor = query.dtype.type(scale)

    def work(blocks):
        memory = {}
        for heads, ranges in blocks:
            keys, values, gkeys, gvalues = key[heads], value[heads], gkey[heads], gvalue[heads]
            # The last rows see most columns, so that they can write what the others are added to.
            for number, (rows, seen, first) in enumerate(reversed(ranges)):
                slopes_out = g[heads][:, :, rows]
                level = np.vecdot(slopes_out, y[heads][:, :, rows])[..., None]
                if g_logsumexp is not None:
                    level -= g_logsumexp[heads][:, :, rows]
                part = _scaled(query[heads][:, :, rows], scale, memory)
                weights = _product(part, keys[:, :, :seen].swapaxes(2, 3), memory, "weights")
                _weights(weights, weights[..., first:], logsumexp[heads][:, :, rows])
                slope = _product(slopes_out, values[:, :, :seen].swapaxes(2, 3), memory, "slope")
                np.subtract(slope, level, out=slope)
                np.multiply(slope, weights, out=slope)
                target = gquery[heads][:, :, rows]
                np.matmul(slope, keys[:, :, :seen], out=target)
                np.multiply(target, factor, out=target)
                for total, a, b in ((gkeys, slope, part), (gvalues, weights, slopes_out)):
                    if number:
                        total[:, :, :seen] += _product(a.swapaxes(2, 3), b, memory, "term")
                    else:
                        np.matmul(a.swapaxes(2, 3), b, out=total[:, :, :seen])
                        total[:, :, seen:] = 0

    spread(work, _shared_blocks(query, key, causal))
    return tuple(a.reshape(shape) for a, shape in zip((gquery, gkey, gvalue), shapes, strict=True))


def _four(x):
    """``x`` with two leading axes."""
    return x.reshape(-1, *x.shape[-3:]) if x.ndim > 4 else x[(None,) * (4 - x.ndim)]


def _empty(lead, width, dtype):
    """An array ``(batch, heads, L, width)`` with the heads of a position side by side in memory, as the layers before and
    after want them."""
    batch, heads, length = lead
    return np.empty((batch, length, heads, width), dtype).swapaxes(1, 2)


def _shared_blocks(query, key, causal):
    """Per thread, blocks of (index of heads, their rows); for rows, (which, number of columns they see, the first of these
    on the diagonal)."""
    batch, heads, length = query.shape[:3]
    columns = key.shape[2]
    step = min(length, CAUSAL_ROWS if causal else ROWS)
    ranges = []
    for first in range(0, length, step):
        last = min(first + step, length)
        seen = min(last, columns) if causal else columns
        ranges.append((slice(first, last), seen, min(first, seen) if causal else seen))
    fit = max(1, BLOCK_BYTES // (step * columns * query.itemsize))
    if fit >= heads:
        fit //= heads
        whole = [(slice(i, i + fit),) for i in range(0, batch, fit)]
    else:
        whole = [(slice(i, i + 1), slice(j, j + fit)) for i in range(batch) for j in range(0, heads, fit)]
    return [[(whole[i], ranges) for i in part] for part in shares(len(whole))]


def _scaled(query, scale, memory):
    return np.multiply(query, query.dtype.type(scale), out=empty(memory, "query", query.shape, query.dtype))


def _product(a, b, memory, name):
    return np.matmul(a, b, out=empty(memory, name, (*a.shape[:3], b.shape[3]), a.dtype))


def _total(part, memory):
    return empty(memory, "total", (*part.shape[:3], 1), part.dtype)


def _sum(powers, out):
    return np.matmul(powers, _ones(powers.shape[3], powers.dtype), out=out)


@functools.lru_cache(16)
def _ones(count, dtype):
    return np.ones((count, 1), dtype)


@functools.lru_cache(16)
def _triangle(rows, columns, dtype):
    """One where row i sees column j, else zero."""
    return np.tri(rows, columns, dtype=dtype)


def _mask(diagonal):
    if diagonal.shape[3]:
        np.copyto(diagonal, -np.inf, where=_triangle(*diagonal.shape[2:], np.dtype(np.bool_)) ^ True)


def _plain_powers(scores, diagonal, total):
    """Exponentials of scores and their sums as they are; False, with ``scores`` spoilt, where they may not be taken so."""
    if not scores.max() <= SOFTMAX_SAFE:
        return False
    np.exp(scores, out=scores)
    if diagonal.shape[3]:
        np.multiply(diagonal, _triangle(*diagonal.shape[2:], diagonal.dtype), out=diagonal)
    return _sum(scores, total).min() >= SUM_SAFE


def _weights(scores, diagonal, logsumexp):
    """The weights in the memory of the scores."""
    np.subtract(scores, logsumexp, out=scores)
    masked = diagonal.shape[3] and not diagonal.max() <= EXPONENT_SAFE
    if masked:
        _mask(diagonal)
    np.exp(scores, out=scores)
    if diagonal.shape[3] and not masked:
        np.multiply(diagonal, _triangle(*diagonal.shape[2:], diagonal.dtype), out=diagonal)
