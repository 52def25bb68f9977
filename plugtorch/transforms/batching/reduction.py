"""Reductions, scans, sorting and the softmax family: their axes move one place."""

from __future__ import annotations

from plugtorch.autograd.record import apply

from .table import batched, each, is_array, reshape, rule, shape_of


@rule("sum", "prod", "max", "min", "any", "all", "mean", "var_mean", "norm", "logsumexp")
def _reduction(k, name, operands, params):
    axis = tuple(i + 1 for i in params["axis"])
    return apply(name, (operands[0].value,), {**params, "axis": axis})


@rule("argmax", "argmin", "max_index", "min_index", "cumsum", "cumprod", "sort", "topk", "softmax", "log_softmax",
      "softmax_backward", "log_softmax_backward", "fft", "rfft", "irfft", "gather", "scatter")
def _along_axis(k, name, operands, params):
    params = {**params, "axis": params["axis"] + 1}
    values = [batched(k, o) for o in operands]
    scalars = not next(o for o in operands if is_array(o)).shape
    if scalars:  # a 0-d array has the axis 0 for these ops
        values = [reshape(v, *shape_of(v), 1) if is_array(o) and not o.shape else v
                  for v, o in zip(values, operands, strict=True)]
    out = apply(name, tuple(values), params)
    if not scalars or params.get("keepdims"):
        return out
    return each(lambda t: reshape(t, k.length), out)
