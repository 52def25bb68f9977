"""float16 and bfloat16: results and gradients are as near to the exact ones (PyTorch's in float64) as PyTorch's own."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

import op_database as db  # noqa: E402
from test_op_database_parity import known  # noqa: E402

# Which of several equal elements is taken is not defined, and gradients follow it.
TIES = {"argsort", "sort", "msort", "topk", "kthvalue", "mode", "median", "nanmedian", "quantile", "nanquantile",
        "cummax", "cummin"}
RANDOM = {"multinomial", "normal", "uniform", "cauchy", "exponential", "geometric", "log_normal", "bernoulli"}
UNDEFINED = TIES | RANDOM | db.SHAPES_ONLY | db.FACTORS
# How much larger than PyTorch's the sum of errors of an op may be.
WORSE = 1.6


def widened(value, half):
    """PyTorch's argument with float64 in the place of a half dtype."""
    if isinstance(value, torch.Tensor):
        wide = value.detach().clone()
        return (wide.double() if wide.dtype is half else wide).requires_grad_(value.requires_grad)
    if value is half:
        return torch.float64
    if type(value) in (list, tuple):
        return type(value)(widened(v, half) for v in value)
    return {key: widened(v, half) for key, v in value.items()} if isinstance(value, dict) else value


def numbers(function, sample, convert, library, half) -> list:
    """Results and gradients of a call, as float64 arrays."""
    result, inputs = db.call(function, sample, convert)
    tensors = [t for t in db.tensors_in(result) if t.dtype.is_floating_point]
    outputs, rng = [t for t in tensors if t.requires_grad], np.random.default_rng(0)
    weights = [torch.tensor(rng.standard_normal(tuple(t.shape))).to(half) for t in outputs]
    if outputs and library is torch:
        torch.autograd.backward(outputs, [w.to(t.dtype).reshape(t.shape) for w, t in zip(weights, outputs)])
    elif outputs:
        library.autograd.backward(outputs, [db.tensor(w).reshape(tuple(t.shape)) for w, t in zip(weights, outputs)])
    return [db.host(t).astype(np.float64) for t in (*tensors, *(leaf.grad for leaf in inputs if leaf.grad is not None))]


def errors(name, half):
    """The sums of errors of PyTorch's and of our numbers over an op's samples, and of the exact numbers' sizes."""
    op = db.database()[name]
    theirs = mine = size = 0.0
    for sample in db.samples(op, half, 2, op.supports_autograd and half in op.backward_dtypes):
        try:
            exact = numbers(op.op, sample, lambda v: widened(v, half), torch, half)
            other = numbers(op.op, sample, db.clones, torch, half)
        except Exception:
            continue
        own = numbers(db.function_of(op), sample, db.ours, db.plugtorch, half)
        if len(own) != len(exact) or len(other) != len(exact):
            continue
        for e, p, o in zip(exact, other, own):
            sound = np.isfinite(e) & np.isfinite(p) & np.isfinite(o)
            theirs += np.abs(p - e)[sound].sum()
            mine += np.abs(o - e)[sound].sum()
            size += np.abs(e)[sound].sum()
    return theirs, mine, size


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
def test_errors_are_no_larger_than_pytorchs(half):
    half = getattr(torch, half)
    unit = torch.finfo(half).eps
    wrong, compared = {}, 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, op in db.database().items():
            if half not in op.dtypes or op.name in UNDEFINED or name in known(half) | known(torch.float32):
                continue
            theirs, mine, size = errors(name, half)
            compared += size > 0
            if mine > WORSE * theirs + unit * 0.05 * size:
                wrong[name] = f"{mine:.3g} instead of {theirs:.3g}, of {size:.3g}"
    assert wrong == {}
    assert compared > 350
