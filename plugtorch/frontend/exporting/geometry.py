"""Geometries of a program that somebody else wrote: kernels take windows of memory by them and trust that they fit."""

from __future__ import annotations

import math

from plugtorch.spec.ops.nn import pooled_size

_POSITIVE = ("stride", "dilation", "kernel_size", "groups", "rows", "ndim")
_NATURAL = ("padding", "axis", "axes", "input_size", "shape", "axis1", "axis2", "index", "count")


def _all(params, names, least):
    for name in names:
        value = params.get(name, ())
        values = value if type(value) is tuple else (value,)
        if any(type(n) is not int or n < least for n in values if n is not None):
            raise ValueError(f"{name} is {value!r}")


def _fits(condition, what):
    if not condition:
        raise ValueError(f"{what} does not fit the operands")


def _windows(sizes, params, kernel, out, rank, ceil=(False,)):
    """Whether windows of these sizes lie within the padded axes and are as many as ``out`` says."""
    stride, padding = params["stride"], params["padding"]
    dilation = params.get("dilation", (1,) * rank)
    _fits(all(len(v) == rank for v in (stride, padding, dilation, kernel, sizes, out)), "the number of axes")
    for n, k, s, p, d, m in zip(sizes, kernel, stride, padding, dilation, out, strict=True):
        _fits(n + 2 * p >= d * (k - 1) + 1 and any(m == pooled_size(n, k, s, p, d, c) for c in ceil), "the window")


def _convolution(op, operands, params):
    groups = params["groups"]
    if op == "conv":
        (x, w), sizes = operands[:2], operands[0].shape[2:]
        kernel, channels, out = w.shape[2:], x.shape[1], None
    elif op == "conv_input":
        g, w = operands[:2]
        kernel, sizes, out = w.shape[2:], params["input_size"], g.shape[2:]
        channels = w.shape[1] * groups
        _fits(g.shape[1] == w.shape[0], "the weight")
    else:
        x, g = operands[:2]
        kernel, sizes, out, channels = params["kernel_size"], x.shape[2:], g.shape[2:], x.shape[1]
    rank = len(kernel)
    if out is None:
        out = tuple(pooled_size(*v, False) for v in zip(sizes, kernel, params["stride"], params["padding"],
                                                        params["dilation"], strict=True))
        _fits(channels == w.shape[1] * groups and w.shape[0] % groups == 0, "the weight")
    _fits(channels % groups == 0, "the number of groups")
    _windows(sizes, params, kernel, out, rank)


def check_geometry(op: str, operands, params, results) -> None:
    """Checks what the shape rules leave to the caller.

    Raises:
        ValueError: windows that do not lie within their operand, or sizes and axes that are none.
    """
    _all(params, _POSITIVE, 1)
    _all(params, _NATURAL, 0)
    if op in ("conv", "conv_input", "conv_weight"):
        _convolution(op, operands, params)
    elif op in ("max_pool", "max_pool_window", "avg_pool"):
        x, y = operands[0], results[0]
        _windows(x.shape[2:], params, params["kernel_size"], y.shape[2:], len(x.shape) - 2, (bool(params.get("ceil_mode")),))
    elif op in ("max_pool_indices", "max_pool_window_backward", "avg_pool_backward"):
        y = operands[0]
        _windows(params["input_size"], params, params["kernel_size"], y.shape[2:], len(y.shape) - 2, (False, True))
    elif op == "as_strided":
        shape, strides, offset = params["shape"], params["strides"], params["offset"]
        _fits(type(offset) is int and len(shape) == len(strides)
              and all(type(s) is int and s >= 0 for s in (*strides, offset)), "the stride")
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        _fits(0 in shape or last < math.prod(operands[0].shape), "the stride")
    elif op == "unfold_dim":
        _fits(1 <= params["size"] <= operands[0].shape[params["axis"]] and params["step"] >= 1, "the window")
    elif op in ("slice", "slice_put", "slice_backward"):
        shape = params.get("shape", operands[0].shape)
        ends = [params[name] for name in ("start", "stop", "step")]
        _fits(all(type(v) is tuple and len(v) == len(shape) for v in ends) and all(
            all(type(v) is int for v in (a, b, s)) and 0 <= a <= n and 0 <= b <= n and s >= 1
            for a, b, s, n in zip(*ends, shape, strict=True)), "the block")
