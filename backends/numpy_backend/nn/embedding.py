"""Gradient of a table look-up: sums of rows by index."""

from __future__ import annotations

import numpy as np

__all__ = ["embedding_backward"]


def embedding_backward(g, indices, *, num_rows):
    """Dense gradient ``(num_rows, D)`` of ``table[indices]``: ``gx[r]`` is the sum of ``g`` where the index
    is ``r``.

    g: ``(*indices.shape, D)``; indices: integers in ``[0, num_rows)``.

    Positions are sorted by index.  The first occurrence of every index is written at once, then all second
    ones are added, and so on; once fewer indices remain than occurrences of the most frequent one, each of
    them is summed by itself.  So neither many rows nor many repeats lead to long Python loops, unlike
    ``np.add.at`` nothing is dispatched per element.
    """
    width = g.shape[-1]
    out = np.zeros((num_rows, width), g.dtype)
    flat = indices.reshape(-1)
    if not flat.size:
        return out
    rows = g.reshape(-1, width)
    order = np.argsort(flat)
    found = flat[order]
    starts = np.flatnonzero(np.concatenate(([True], found[1:] != found[:-1])))
    counts = np.diff(np.append(starts, flat.size))
    targets = found[starts]
    out[targets] = rows[order[starts]]
    # Most frequent first, so that the indices still active are always a leading part.
    rank = np.argsort(-counts)
    starts, counts, targets = starts[rank], counts[rank], targets[rank]
    most = int(counts[0])
    # active[k]: how many indices occur more than k times.
    active = len(counts) - np.searchsorted(counts[::-1], np.arange(most), side="right")
    for k in range(1, most):
        live = int(active[k])
        if live <= most - k:
            for start, count, target in zip(
                starts[:live].tolist(), counts[:live].tolist(), targets[:live].tolist(), strict=True
            ):
                out[target] += rows[order[start + k : start + count]].sum(axis=0)
            break
        out[targets[:live]] += rows[order[starts[:live] + k]]
    return out
