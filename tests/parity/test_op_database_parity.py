"""Every op of PyTorch's own database: values, gradients and dtypes."""

from __future__ import annotations

import pathlib
import re
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

import op_database as db  # noqa: E402

DTYPES = ("float64", "complex64", "int64", "bool", "bfloat16", "float16")
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "differences.md"


def known(dtype) -> set[str]:
    """Ops that differ in a dtype, by the page's table."""
    name = str(dtype).removeprefix("torch.")
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", PAGE.read_text(), re.M)
    return {op for op, dtypes in rows if dtypes == "all" or name in dtypes.split(", ")}


def wants_gradient(op, dtype):
    return op.supports_autograd and (dtype.is_floating_point or dtype.is_complex) and dtype in op.backward_dtypes


def tolerance_of(op, dtype):
    """What the OpInfo itself grants on CPU."""
    granted = [override.d[dtype] for info in op.decorators if getattr(info, "device_type", "none") in (None, "cpu")
               for override in getattr(info, "decorators", ()) if hasattr(getattr(override, "d", {}).get(dtype), "rtol")]
    return max((t.rtol for t in granted), default=0), max((t.atol for t in granted), default=0)


def fault(name, dtype, count, gradients) -> str | None:
    """What is wrong with an op, or None. Samples that PyTorch itself refuses are left out."""
    op = db.database()[name]
    try:
        function = db.function_of(op)
    except db.Missing:
        return "missing"
    gradients = gradients and wants_gradient(op, dtype)
    tolerance = tolerance_of(op, dtype)
    for n, sample in enumerate(db.samples(op, dtype, count, gradients)):
        try:
            torch.manual_seed(0)
            want, want_leaves = db.call(op.op, sample, db.clones)
            torch.manual_seed(1)
            other = db.call(op.op, sample, db.clones)[0]
        except Exception:
            continue
        random = op.name in db.SHAPES_ONLY | db.FACTORS or not _same(want, other)
        try:
            db.plugtorch.manual_seed(0)
            got, got_leaves = db.call(function, sample, db.ours)
        except Exception as error:
            return f"sample {n}: {type(error).__name__}: {error}"
        found = db.difference(got, want, f"sample {n}", random, tolerance)
        if found is None and gradients and not random:
            found = _gradient_fault(got, got_leaves, want, want_leaves, n, tolerance)
        if found:
            return found
    return None


def _same(a, b):
    return all(np.array_equal(db.host(x), db.host(y), equal_nan=x.dtype.is_floating_point or x.dtype.is_complex)
               for x, y in zip(db.tensors_in(a), db.tensors_in(b)))


def _gradient_fault(got, got_leaves, want, want_leaves, n, tolerance):
    pairs = [(g, w) for g, w in zip(db.tensors_in(got), db.tensors_in(want)) if w.requires_grad and w.grad_fn is not None]
    if not pairs or not want_leaves:
        return None
    rng = np.random.default_rng(n)
    weights = [rng.standard_normal(tuple(w.shape)) for _, w in pairs]
    try:
        torch.autograd.backward([w for _, w in pairs],
                                [torch.tensor(v).reshape(w.shape).to(w.dtype) for v, (_, w) in zip(weights, pairs)])
    except RuntimeError:
        return None
    db.plugtorch.autograd.backward(
        [g for g, _ in pairs], [db.plugtorch.tensor(v).reshape(tuple(w.shape)).to(g.dtype) for v, (g, w) in zip(weights,
                                                                                                                pairs)])
    for i, (g, w) in enumerate(zip(got_leaves, want_leaves)):
        zero = w.grad is None or not np.any(db.host(w.grad))
        if g.grad is None or zero:
            if not zero or g.grad is not None and np.any(np.abs(db.host(g.grad)) > 1e-6):
                return f"sample {n}: gradient {i} is {g.grad} instead of {w.grad}"
            continue
        found = db.difference(g.grad, w.grad, f"sample {n}: gradient {i}", False, tolerance)
        if found:
            return found
    return None


def check(names, dtype, count, gradients):
    """Faults of the ops that are not in the table, and the ops of the table that have none."""
    rows, found = known(dtype), {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name in names:
            if dtype in db.database()[name].dtypes:
                found[name] = fault(name, dtype, count, gradients)
    return {name: why for name, why in found.items() if why and name not in rows}, [
        name for name, why in found.items() if why is None and name in rows]


NAMES = sorted(db.database())
PARTS = 12


@pytest.mark.parametrize("part", range(PARTS))
def test_float32(part):
    assert check(NAMES[part::PARTS], torch.float32, 2, True) == ({}, [])


@pytest.mark.parametrize("dtype", DTYPES)
def test_other_dtypes(dtype):
    assert check(NAMES, getattr(torch, dtype), 1, False) == ({}, [])


def test_the_table_names_ops_of_the_database():
    rows = set(re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(), re.M))
    assert rows <= set(NAMES) and len(rows) > 5
