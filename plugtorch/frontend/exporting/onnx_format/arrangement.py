"""Making, converting, rearranging and indexing in ONNX."""

from __future__ import annotations

import numpy as np

from plugtorch.spec.dtypes import bool_, int64
from plugtorch.spec.program import Symbol

from .writer import computed, dtype_of, maps, wide_type


@maps("full")
def full(g, one):
    """An array of one number."""
    from onnx import numpy_helper

    value = np.full((1,), one.params["value"]).astype(one.params["dtype"].numpy)
    return g.node("ConstantOfShape", g.integers(*one.params["shape"]), value=numpy_helper.from_array(value))


@maps("arange")
def arange(g, one):
    """A range; of fractions its values, which are known."""
    p = one.params
    n = one.outputs[0].shape[0]
    if type(p["start"]) is int and type(p["step"]) is int:
        found = g.node("Range", *(g.number(v, int64) for v in (p["start"], p["start"] + n * p["step"], p["step"])))
        return found if p["dtype"] is int64 else g.cast(found, p["dtype"])
    values = p["start"] + np.arange(n) * p["step"]
    return g.node("Identity", g.constant(values.astype(p["dtype"].numpy), "range"))


@maps("cast")
def cast(g, one):
    """Conversion; a float becomes a narrow integer by way of int64, which wraps."""
    source, target = dtype_of(one), one.params["dtype"]
    x = g.name(one.operands[0])
    narrow = target.category == 1 and target.itemsize < 8
    if source.is_floating_point and narrow:
        x = g.cast(x, int64)
    return g.cast(x, target)


@maps("reshape")
def reshape(g, one):
    """Another shape."""
    return g.reshape(g.name(one.operands[0]), one.params["shape"])


@maps("permute")
def permute(g, one):
    """Axes in another order."""
    axes = list(one.params["axes"])
    return g.node("Transpose", g.name(one.operands[0]), perm=axes) if axes else g.node("Identity", g.name(one.operands[0]))


@maps("broadcast_to")
def broadcast_to(g, one):
    """Repeated along axes."""
    return g.node("Expand", g.name(one.operands[0]), g.integers(*one.params["shape"]))


def _slice(g, x, start, stop, step):
    axes = range(len(start))
    return g.node("Slice", x, g.integers(*start), g.integers(*stop), g.integers(*axes), g.integers(*step))


@maps("slice")
def slice_(g, one):
    """A block."""
    p, shape = one.params, one.operands[0].shape
    x = g.name(one.operands[0])
    kept = [i for i, n in enumerate(shape) if (p["start"][i], p["step"][i]) != (0, 1) or p["stop"][i] < n]
    if not kept:
        return g.node("Identity", x)
    return g.node("Slice", x, *(g.integers(*(v[i] for i in kept)) for v in (p["start"], p["stop"])), g.integers(*kept),
                  g.integers(*(p["step"][i] for i in kept)))


@maps("select")
def select(g, one):
    """One entry of an axis."""
    return g.node("Gather", g.name(one.operands[0]), g.number(one.params["index"], int64), axis=one.params["axis"])


@maps("pad")
def pad(g, one):
    """Constant padding; negative amounts crop."""
    p, dtype = one.params, dtype_of(one)
    x = g.name(one.operands[0])
    x = g.cast(x, int64) if dtype is bool_ else x
    found = g.node("Pad", x, g.integers(*p["lo"], *p["hi"]), g.number(p.get("value", 0), int64 if dtype is bool_ else dtype))
    return g.cast(found, bool_) if dtype is bool_ else found


@maps("flip")
def flip(g, one):
    """Slices with steps of -1."""
    axes = one.params["axis"]
    if not axes:
        return g.node("Identity", g.name(one.operands[0]))
    n = len(axes)
    return g.node("Slice", g.name(one.operands[0]), g.integers(*[-1] * n), g.integers(*[-(2 ** 62)] * n), g.integers(*axes),
                  g.integers(*[-1] * n))


@maps("concat")
def concat(g, one):
    """Joined along an axis."""
    return g.node("Concat", *map(g.name, one.operands), axis=one.params["axis"])


@maps("tril", "triu", when=lambda one, used, opset: len(one.outputs[0].shape) >= 2)
def triangle(g, one):
    """The lower or upper triangle."""
    return computed(g, one, lambda x: g.node("Trilu", x, g.number(one.params.get("diagonal", 0), int64),
                                             upper=int(one.op == "triu")))


# Reading by index.

@maps("take")
def take(g, one):
    """Rows by an index array."""
    x, i = one.operands
    return g.node("Gather", g.name(x), g.name(i), axis=one.params["axis"])


@maps("embedding")
def embedding(g, one):
    """Rows of a table."""
    w, i = one.operands
    return g.node("Gather", g.name(w), g.name(i), axis=0)


@maps("gather")
def gather(g, one):
    """Elements by an index array of the same rank."""
    x, i = one.operands
    if not x.shape:
        return g.node("Identity", g.name(x))
    return g.node("GatherElements", g.name(x), g.name(i), axis=one.params["axis"])


def _index_parts(g, x, idx):
    """``(order of the axes with the indexed ones first, joined index array (..., count), rank of the index block)``."""
    used = [n for n, i in enumerate(idx) if i is not None]
    rest = [n for n in range(len(x.shape)) if n not in used]
    block = np.broadcast_shapes(*(idx[n].shape for n in used))
    parts = []
    for n in used:
        name = g.node("Expand", g.name(idx[n]), g.integers(*block))
        parts.append(g.reshape(name, (*block, 1)))
    joined = parts[0] if len(parts) == 1 else g.node("Concat", *parts, axis=len(block))
    return [*used, *rest], joined, block, used, rest


def _result_order(used, rest, rank):
    """From (block, rest) to the order of the result: the block in the place of adjacent axes, else first."""
    if used[-1] - used[0] + 1 != len(used):
        return None
    before = sum(n < used[0] for n in rest)
    return [*range(rank, rank + before), *range(rank), *range(rank + before, rank + len(rest))]


@maps("index")
def index(g, one):
    """Entries by index arrays of several axes."""
    x, *idx = one.operands
    order, joined, block, used, rest = _index_parts(g, x, idx)
    found = g.node("GatherND", g.transpose(g.name(x), order), joined)
    axes = _result_order(used, rest, len(block))
    return found if axes is None else g.transpose(found, axes) if axes != sorted(axes) else g.node("Identity", found)


@maps("index_put")
def index_put(g, one):
    """A copy with entries written or added by index arrays of several axes."""
    x, v, *idx = one.operands
    dtype = x.dtype
    order, joined, block, used, rest = _index_parts(g, x, idx)
    axes = _result_order(used, rest, len(block))
    flat = (*block, *(x.shape[n] for n in rest))
    value = g.name(v, dtype)
    if axes is None:
        value = g.node("Expand", value, g.integers(*flat))
    else:
        value = g.node("Expand", value, g.integers(*(flat[a] for a in axes)))
        value = g.transpose(value, list(np.argsort(axes)))
    add = one.params.get("accumulate", False)
    data = g.transpose(g.name(x), order)
    wide = wide_type(dtype) if add else dtype
    if wide is not dtype:
        data, value = g.cast(data, wide), g.cast(value, wide)
    found = g.node("ScatterND", data, joined, value, reduction="add" if add else "none")
    found = g.transpose(found, list(np.argsort(order)))
    return found if wide is dtype else g.cast(found, dtype)


@maps("scatter", when=lambda one, used, opset: bool(one.operands[0].shape))
def scatter(g, one):
    """A copy with entries written, or combined, where gather would read."""
    x, i, s = one.operands
    mode = one.params.get("mode", "set")
    dtype = x.dtype
    wide = wide_type(dtype) if mode != "set" else dtype
    source = g.name(s, dtype)
    if type(s) is Symbol and s.shape != i.shape:
        source = _slice(g, source, (0,) * len(i.shape), i.shape, (1,) * len(i.shape))
    data = g.name(x)
    if wide is not dtype:
        data, source = g.cast(data, wide), g.cast(source, wide)
    found = g.node("ScatterElements", data, g.name(i), source, axis=one.params["axis"],
                   reduction="none" if mode == "set" else mode)
    return found if wide is dtype else g.cast(found, dtype)


@maps("slice_put")
def slice_put(g, one):
    """A copy with a block written, at positions that are known now."""
    x, v = one.operands
    p = one.params
    lines = [np.arange(a, b, s, dtype=np.int64) for a, b, s in zip(p["start"], p["stop"], p["step"], strict=True)]
    if not lines:
        return g.node("Identity", g.name(v))
    places = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
    return g.node("ScatterND", g.name(x), g.constant(places, "places"), g.name(v))
