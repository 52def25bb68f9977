"""Products and solvers: leading axes are batches already."""

from __future__ import annotations

from plugtorch.autograd.record import apply

from .table import aligned, count, is_array, op, reshape, rule


@rule("matmul")
def _matmul(k, name, operands, params):
    a, b = operands
    if a.batched and not b.batched and len(b.shape) == 2:  # one product of all rows
        y = op("matmul", reshape(a.value, k.length * count(a.shape[:-1]), a.shape[-1]), b.value)
        return reshape(y, k.length, *a.shape[:-1], b.shape[1])
    if not a.batched and len(a.shape) == 2 == len(b.shape) and b.shape[1] == 1:
        y = op("matmul", reshape(b.value, k.length, b.shape[0]), op("permute", a.value, axes=(1, 0)))
        return reshape(y, k.length, a.shape[0], 1)
    return _leading(k, name, operands, params)


@rule("solve", "solve_triangular")
def _leading(k, name, operands, params):
    rank = max(len(o.shape) for o in operands if is_array(o))
    return apply(name, tuple(aligned(o, rank) for o in operands), params)


@rule("linear")
def _linear(k, name, operands, params):
    x, w, b = operands
    if w.batched or b is not None and b.batched:
        shape = x.shape
        flat = k.reshape(x, shape=(count(shape[:-1]), shape[-1]))
        y = k.matmul(flat, k.permute(w, axes=(1, 0)))
        if b is not None:
            y = k.add(y, b)
        return k.reshape(y, shape=(*shape[:-1], w.shape[0]))
    return op("linear", x.value, w.value, None if b is None else b.value)
