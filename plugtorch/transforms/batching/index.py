"""Reading and writing by index.

Where the index differs between samples and the array too, the mapped axis becomes one more indexed axis, or the
samples' rows lie one after the other in one axis and the index counts through all of them.
"""

from __future__ import annotations

from plugtorch.autograd.record import apply

from .table import aligned, arange, batched, is_array, move_axis, op, reshape, rule, shape_of


@rule("take")
def _take(k, name, operands, params):
    x, i = operands
    axis = params["axis"]
    if not i.batched:
        return op("take", x.value, i.value, axis=axis + 1)
    if not x.batched:
        return move_axis(op("take", x.value, i.value, axis=axis), axis, 0)
    rows = x.shape[axis]
    flat = move_axis(x.value, axis + 1, 1)
    rest = shape_of(flat)[2:]
    flat = reshape(flat, k.length * rows, *rest)
    start = reshape(arange(k, k.length, i.value, rows), k.length, *(1,) * len(i.shape))
    y = op("take", flat, op("add", i.value, start), axis=0)  # (length, *i.shape, *rest)
    n = len(i.shape)
    order = (0, *range(1 + n, 1 + n + axis), *range(1, 1 + n), *range(1 + n + axis, 1 + n + len(rest)))
    return op("permute", y, axes=order)


@rule("embedding")
def _embedding(k, name, operands, params):
    w, i = operands
    if not w.batched:
        return apply(name, (w.value, i.value), params)
    padding = params.get("padding_idx", -1)
    if padding >= 0:  # the row that gets no gradient, in each sample's table
        keep = k.ne(k.reshape(k.arange(start=0, stop=w.shape[0], step=1, dtype=k.dtype_of(i), device=k.device_of(i)),
                              shape=(w.shape[0], 1)), padding)
        constant = type(w)(type(w.value).detach(w.value), True)
        w = k.where(keep, w, constant)
    return k.take(w, i, axis=0)


@rule("index_add")
def _index_add(k, name, operands, params):
    x, i, s = operands
    axis = params["axis"]
    if not i.batched:
        return op("index_add", batched(k, x), i.value, batched(k, s), axis=axis + 1)
    return k.index_put(x, s, *(None,) * axis, i, accumulate=True)


def _layout(idx):
    """``(used, adjacent, rank)``: the indexed axes, whether they are adjacent, and the rank of the index block."""
    used = [n for n, i in enumerate(idx) if i is not None]
    rank = max(len(idx[n].shape) for n in used)
    return used, used[-1] - used[0] + 1 == len(used), rank


def _outer_index(k, idx, rank, like):
    """The index with the mapped axis as a first indexed one."""
    first = reshape(arange(k, k.length, like), k.length, *(1,) * rank)
    return (first, *(None if i is None else aligned(i, rank) for i in idx))


@rule("index")
def _index(k, name, operands, params):
    x, *idx = operands
    while idx[-1] is None:
        idx.pop()
    used, adjacent, rank = _layout(idx)
    block_batched = any(is_array(i) and i.batched for i in idx)
    if not block_batched:
        y = apply("index", (x.value, None, *(None if i is None else i.value for i in idx)), {})
        return y if adjacent else move_axis(y, rank, 0)
    if not x.batched:
        y = apply("index", (x.value, *(None if i is None else aligned(i, rank) for i in idx)), {})
        return move_axis(y, used[0], 0) if adjacent else y
    y = apply("index", (x.value, *_outer_index(k, idx, rank, x.value)), {})  # (length, *block, *rest)
    if not adjacent or used[0] == 0:
        return y
    before = used[0]
    axes = (0, *range(1 + rank, 1 + rank + before), *range(1, 1 + rank), *range(1 + rank + before, len(y._a.shape)))
    return op("permute", y, axes=axes)


@rule("index_put")
def _index_put(k, name, operands, params):
    x, v, *idx = operands
    while idx[-1] is None:
        idx.pop()
    used, adjacent, rank = _layout(idx)
    target = batched(k, x)
    full = rank + len(x.shape) - len(used)  # the rank of the indexed block inside
    if not any(is_array(i) and i.batched for i in idx):
        values = aligned(v, full)
        if not adjacent:  # the block of indexed axes comes before the mapped one
            if v.batched:
                values = move_axis(values, 0, rank)
            elif len(v.shape) > full - rank:
                shape = (*(1,) * (full - len(v.shape)), *v.shape)
                values = reshape(values, *shape[:rank], 1, *shape[rank:])
        return apply(name, (target, values, None, *(None if i is None else i.value for i in idx)), params)
    values = aligned(v, full)
    if adjacent and used[0]:
        before, lead = used[0], 1 if v.batched else 0
        values = reshape(values, *shape_of(values)[:lead], *(1,) * (full + lead - len(shape_of(values))),
                         *shape_of(values)[lead:])
        axes = (*range(lead), *range(lead + before, lead + before + rank), *range(lead, lead + before),
                *range(lead + before + rank, lead + full))
        values = op("permute", values, axes=axes)
    return apply(name, (target, values, *_outer_index(k, idx, rank, target)), params)
