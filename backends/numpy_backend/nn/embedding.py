"""Gradient of a table look-up: sums of rows by index."""

from __future__ import annotations

import numpy as np

from ..quiet import QUIET
from ..threads import shared_product

__all__ = ["embedding_backward"]

# Up to these sizes (of the table, its bytes, and the number of indices) a product takes less time than to sort.
PRODUCT_ROWS, PRODUCT_BYTES, PRODUCT_INDICES = 128, 40 << 10, 1 << 12


def embedding_backward(g, indices, *, num_rows):
    """Dense gradient ``(num_rows, D)`` of ``table[indices]``: ``gx[r]`` is the sum of ``g`` where the index
    is ``r``.

    g: ``(*indices.shape, D)``; indices: integers in ``[0, num_rows)``.
    """
    width = g.shape[-1]
    flat = indices.reshape(-1)
    if not flat.size:
        return np.zeros((num_rows, width), g.dtype)
    rows = g.reshape(-1, width)
    if num_rows <= PRODUCT_ROWS and flat.size <= PRODUCT_INDICES and g.dtype.char in "fd" and (
            num_rows * width * g.itemsize <= PRODUCT_BYTES):
        out = QUIET.run(_sums_by_product, rows, flat, num_rows)
        # A row that is not finite, times the zeros of other indices, would be NaN in their sums.
        if np.isfinite(out).all():
            return out
    return _sums_by_rank(rows, flat, num_rows)


def _sums_by_product(rows, flat, num_rows):
    """The product with the one-hot vectors of the indices."""
    size = flat.size * num_rows
    hot = np.zeros(size, rows.dtype)
    hot[np.arange(0, size, num_rows) + flat] = 1
    return shared_product(hot.reshape(-1, num_rows).T, rows)


def _sums_by_rank(rows, flat, num_rows):
    """Sums of any number of rows.

    Positions are sorted by index.  The first occurrence of every index is written at once, then all second
    ones are added, and so on; once fewer indices remain than occurrences of the most frequent one, each of
    them is summed by itself.  So neither many rows nor many repeats lead to long Python loops, unlike
    ``np.add.at`` nothing is dispatched per element.
    """
    out = np.zeros((num_rows, rows.shape[1]), rows.dtype)
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
