"""Reductions, scans and sorting in ONNX."""

from __future__ import annotations

import numpy as np

from plugtorch.spec.dtypes import bool_, float32, int32, int64

from .writer import dtype_of, maps, wide_type


def _reduce(g, kind, x, one, keep=None):
    axes, keepdims = one.params["axis"], int(one.params.get("keepdims", False) if keep is None else keep)
    if not axes:
        return g.node("Identity", x)
    return g.node(kind, x, g.integers(*axes), keepdims=keepdims)


@maps("sum", "prod")
def totals(g, one):
    """Sums and products; integers in int64."""
    dtype, result = dtype_of(one), one.outputs[0].dtype
    x = g.name(one.operands[0])
    wide = wide_type(result)
    x = x if dtype is wide else g.cast(x, wide)
    found = _reduce(g, "ReduceSum" if one.op == "sum" else "ReduceProd", x, one)
    return found if wide is result else g.cast(found, result)


@maps("max", "min")
def extremes(g, one):
    """The largest or smallest value."""
    dtype = dtype_of(one)
    wide = wide_type(dtype)
    x = g.name(one.operands[0])
    x = x if wide is dtype else g.cast(x, wide)
    found = _reduce(g, f"Reduce{one.op.capitalize()}", x, one)
    return found if wide is dtype else g.cast(found, dtype)


@maps("any", "all")
def quantifiers(g, one):
    """The largest or smallest of zeros and ones."""
    x = g.cast(g.cast(g.name(one.operands[0]), bool_), int32)
    axes = one.params["axis"]
    if axes and 0 in (one.operands[0].shape[i] for i in axes):
        from onnx import numpy_helper

        value = numpy_helper.from_array(np.array([one.op == "all"]))
        return g.node("ConstantOfShape", g.integers(*one.outputs[0].shape), value=value)
    return g.cast(_reduce(g, "ReduceMax" if one.op == "any" else "ReduceMin", x, one), bool_)


@maps("argmax", "argmin")
def places(g, one):
    """The first place of the largest or smallest value."""
    dtype = dtype_of(one)
    x = g.name(one.operands[0])
    wide = float32 if dtype is bool_ else dtype
    x = x if wide is dtype else g.cast(x, wide)
    return g.node("ArgMax" if one.op == "argmax" else "ArgMin", x, axis=one.params["axis"],
                  keepdims=int(one.params.get("keepdims", False)), select_last_index=0)


@maps("mean", when=lambda one, used, opset: bool(one.params["axis"]) and not dtype_of(one).is_complex)
def mean(g, one):
    """The arithmetic mean."""
    return _reduce(g, "ReduceMean", g.name(one.operands[0]), one)


@maps("norm", when=lambda one, used, opset: one.params["p"] in (1, 2) and bool(one.params["axis"])
      and not dtype_of(one).is_complex)
def norm(g, one):
    """The sum of magnitudes, or the root of the sum of squares."""
    return _reduce(g, f"ReduceL{int(one.params['p'])}", g.name(one.operands[0]), one)


@maps("logsumexp", when=lambda one, used, opset: bool(one.params["axis"]) and 0 not in one.operands[0].shape)
def log_of_sum(g, one):
    """``log(sum(exp(x)))`` without overflow."""
    return _reduce(g, "ReduceLogSumExp", g.name(one.operands[0]), one)


@maps("cumsum")
def running_sum(g, one):
    """A running sum; integers in int64."""
    dtype, result = dtype_of(one), one.outputs[0].dtype
    x = g.name(one.operands[0])
    wide = wide_type(result)
    x = x if dtype is wide else g.cast(x, wide)
    if not one.operands[0].shape:
        return g.node("Identity", x)
    found = g.node("CumSum", x, g.number(one.params["axis"], int64))
    return found if wide is result else g.cast(found, result)


@maps("cumprod")
def running_product(g, one):
    """The products of a triangle: of n values n * n, as ONNX has no scan for it before version 26."""
    result = one.outputs[0].dtype
    wide = wide_type(result)
    shape, axis = one.operands[0].shape, one.params["axis"]
    x = g.name(one.operands[0])
    x = x if dtype_of(one) is wide else g.cast(x, wide)
    if not shape:
        return g.node("Identity", x)
    n, rest = shape[axis], len(shape) - axis - 1
    lines = g.reshape(x, (*shape[:axis], 1, *shape[axis:]))
    mask = np.tril(np.ones((n, n), bool)).reshape(n, n, *(1,) * rest)
    parts = g.node("Where", g.constant(mask, "mask"), lines, g.number(1, wide))
    found = g.node("ReduceProd", parts, g.integers(axis + 1), keepdims=0)
    return found if wide is result else g.cast(found, result)


def _ordered(g, one, count, largest):
    dtype = dtype_of(one)
    wide = wide_type(dtype)
    shape = one.operands[0].shape
    x = g.name(one.operands[0])
    x = x if wide is dtype else g.cast(x, wide)
    if not shape:
        return g.node("Identity", g.name(one.operands[0])), g.number(0, int64)
    values, indices = g.node("TopK", x, g.integers(count), results=2, axis=one.params["axis"], largest=int(largest),
                             sorted=1)
    return (values if wide is dtype else g.cast(values, dtype)), indices


@maps("sort")
def sort(g, one):
    """All of the largest or smallest; of equals the first comes first."""
    shape = one.operands[0].shape
    return _ordered(g, one, shape[one.params["axis"]] if shape else 1, one.params.get("descending", False))


@maps("topk")
def topk(g, one):
    """The largest or smallest; of equals the first comes first."""
    return _ordered(g, one, one.params["count"], one.params.get("largest", True))
