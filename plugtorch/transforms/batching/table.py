"""The table of rules, and what most rules need.

A rule is ``rule(k, name, operands, params)``: the level, the op's name, Batched arrays (of which at least one is
batched), numbers and None. It returns tensors of the level outside whose first axis is the mapped one, or Batched
arrays where it called ops of the level itself.
"""

from __future__ import annotations

import math

from plugtorch.autograd.base import TensorBase, wrap
from plugtorch.autograd.record import apply

RULES: dict = {}


def rule(*names):
    """Makes a function the rule of these ops."""

    def declare(function):
        for name in names:
            if name in RULES:
                raise ValueError(f"op {name!r} has two batching rules")
            RULES[name] = function
        return function

    return declare


def is_array(o) -> bool:
    """Whether an operand is an array of the level, and no number or None."""
    return hasattr(o, "batched")


def op(name, *operands, **params):
    """An op on tensors outside."""
    return apply(name, operands, params)


def arange(k, count, like, scale=1):
    """``0, scale, 2 * scale, ...``: one int64 number per sample, as a tensor outside."""
    from plugtorch.spec.dtypes import int64

    base = like._k
    line = wrap(base.arange(start=0, stop=count, step=1, dtype=int64, device=base.device_of(like._a)), base)
    return line if scale == 1 else op("mul", line, scale)


def shape_of(t: TensorBase) -> tuple:
    return tuple(t._a.shape)


def reshape(t, *shape):
    """A tensor outside in another shape."""
    return t if shape_of(t) == shape else apply("reshape", (t,), {"shape": shape})


def move_axis(t, source: int, target: int):
    """A tensor outside with one axis in another place."""
    if source == target:
        return t
    axes = list(range(len(t._a.shape)))
    axes.insert(target, axes.pop(source))
    return apply("permute", (t,), {"axes": tuple(axes)})


def aligned(o, rank: int):
    """The value of an operand, with axes of size 1 after the mapped one so that it broadcasts with arrays of ``rank``
    axes inside."""
    if not is_array(o):
        return o
    value, missing = o.value, rank - len(o.shape)
    if not o.batched or missing <= 0:
        return value
    return reshape(value, value._a.shape[0], *(1,) * missing, *o.shape)


def batched(k, o):
    """The value of an operand with the mapped axis, also where it is the same for all samples."""
    if not is_array(o):
        return o
    if o.batched:
        return o.value
    return apply("broadcast_to", (o.value,), {"shape": (k.length, *o.shape)})


def folded(k, o, count: int = 1):
    """The mapped axis as part of the first axis inside."""
    if not is_array(o):
        return o
    value = batched(k, o)
    return reshape(value, k.length * o.shape[0], *o.shape[1:])


def unfolded(k, t):
    """The reverse of :func:`folded`."""
    shape = shape_of(t)
    return reshape(t, k.length, shape[0] // k.length if k.length else 0, *shape[1:])


def each(function, out):
    """A function of one tensor on the results of an op."""
    return tuple(map(function, out)) if type(out) is tuple else function(out)


def count(shape) -> int:
    return math.prod(shape)


def sample_by_sample(k, name, operands, params):
    """The rule of ops that have none: one call for each sample."""
    values = [batched(k, o) for o in operands]
    rows = []
    for n in range(k.length):
        row = []
        for v in values:
            if isinstance(v, TensorBase):
                shape = shape_of(v)
                v = op("slice", v, start=(n,) + (0,) * (len(shape) - 1), stop=(n + 1, *shape[1:]),
                       step=(1,) * len(shape))
                v = reshape(v, *shape[1:])
            row.append(v)
        rows.append(apply(name, tuple(row), params))
    if not rows:
        raise RuntimeError(f"vmap: {name} has no batching rule, and cannot be mapped over an axis of size 0")
    if type(rows[0]) is tuple:
        return tuple(_stacked(column) for column in zip(*rows, strict=True))
    return _stacked(rows)


def _stacked(rows):
    return op("concat", *(reshape(r, 1, *shape_of(r)) for r in rows), axis=0)
