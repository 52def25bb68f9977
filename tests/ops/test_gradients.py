"""Gradient rules of every differentiable op: first and second order, against differences of the op's own results."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plugtorch.autograd.api import grad
from plugtorch.autograd.base import wrap
from plugtorch.autograd.plans import is_nondifferentiable, rule_for
from plugtorch.autograd.record import apply
from plugtorch.spec import OPS, load_backend

from . import array_cases, elementwise_cases, layer_cases  # noqa: F401  (they fill CASES)
from .cases import CASES

GRADED = [c for cases in CASES.values() for c in cases if c.grad and not is_nondifferentiable(c.op)]
# Constant between jumps: their gradient is declared to be zero.
FLAT = frozenset({"floor", "ceil", "trunc", "round", "sign", "floor_divide"})
STEP = 1e-5


def hermitian(x):
    return (x + np.conj(np.swapaxes(x, -1, -2))) / 2


# Factorisations read one triangle of a Hermitian matrix: its directions of change are Hermitian too.
STRUCTURE = {"cholesky": hermitian, "eigh": hermitian}


def phaseless(op, arrays):
    """Results whose phase a library may choose, made independent of it: gradients are defined only for these."""
    if op == "eigh" or op == "eig":
        w, v = arrays
        return [w, ("abs2", v)]
    if op == "svd":
        u, s, vh = arrays
        return [("product", u, vh), s]
    return list(arrays)


class Loss:
    """A real number from the results of an op: the sum of their products with fixed random weights."""

    def __init__(self, case, seed):
        self.case, self.rng = case, np.random.default_rng(seed)
        self.weights = None

    def __call__(self, operands):
        """On tensors; returns a 0-d real tensor."""
        out = apply(self.case.op, operands, self.case.params)
        results = phaseless(self.case.op, out if isinstance(out, tuple) else (out,))
        k = next(o for o in operands if hasattr(o, "_k"))._k
        parts = []
        for r in results:
            if isinstance(r, tuple):
                if r[0] == "abs2":
                    v = r[1]
                    r = apply("mul", (v, apply("conj", (v,))))
                else:
                    r = apply("matmul", r[1:])
            if k.dtype_of(r._a).differentiable:
                parts.append(r)
        if self.weights is None:
            self.weights = [self.rng.standard_normal(tuple(r._a.shape)) + 0.5 for r in parts]
        total = None
        for r, w in zip(parts, self.weights, strict=True):
            if k.dtype_of(r._a).is_complex:
                # The real part of <w, r>, with a weight that has both parts.
                w = w * (1 + 0.5j)
                r = apply("real", (apply("mul", (r, tensor(k, np.conj(w)))),))
            else:
                r = apply("mul", (r, tensor(k, w)))
            one = apply("sum", (r,), {"axis": tuple(range(len(r._a.shape)))})
            total = one if total is None else apply("add", (total, one))
        return total


def tensor(k, x, needs=False):
    t = wrap(k.from_host(np.asarray(x), device=k.default_device()), k)
    t._req = needs
    return t


def host(t):
    return np.array(t._k.to_host(t._a))


def differentiable_places(case):
    places = []
    rule = rule_for(case.op)
    for i, o in enumerate(case.operands):
        if isinstance(o, np.ndarray) and o.dtype in (np.float64, np.complex128):
            name = OPS[case.op].operands[min(i, len(OPS[case.op].operands) - 1)]
            if rule is not None and rule.per_operand is not None and rule.per_operand.get(name, 0) is None:
                continue
            places.append(i)
    return places


def directions(case, places, seed):
    rng = np.random.default_rng(seed)
    found = []
    for i in places:
        o = case.operands[i]
        d = rng.standard_normal(o.shape)
        if o.dtype.kind == "c":
            d = d + 1j * rng.standard_normal(o.shape)
        d = np.asarray(d)
        found.append(np.asarray(STRUCTURE.get(case.op, lambda x: x)(d)))
    return found


def moved(case, places, changes, step):
    operands = list(case.operands)
    for i, d in zip(places, changes, strict=True):
        operands[i] = np.asarray(operands[i] + step * d)
    return operands


def as_tensors(k, operands, places, needs):
    return tuple(
        tensor(k, o, needs and i in places) if isinstance(o, np.ndarray) else o for i, o in enumerate(operands)
    )


def along(grads, changes):
    """Change of the loss in a direction, from gradients in PyTorch's convention (d/dre + i d/dim)."""
    return sum(float(np.real(np.vdot(g, d))) for g, d in zip(grads, changes, strict=True) if g is not None)


def gradients(loss, k, operands, places, create_graph=False):
    tensors = as_tensors(k, operands, places, True)
    value = loss(tensors)
    wanted = [tensors[i] for i in places]
    return grad([value], wanted, create_graph=create_graph, allow_unused=True), wanted


def check_first(case, k):
    places = differentiable_places(case)
    assert places, f"{case!r} has no operand to differentiate by"
    loss = Loss(case, 1)
    base = as_tensors(k, case.operands, places, False)
    loss(base)
    grads, _ = gradients(loss, k, case.operands, places)
    for g, i in zip(grads, places, strict=True):
        if g is not None:
            assert g._a.shape == case.operands[i].shape and host(g).dtype == case.operands[i].dtype
    for j, i in enumerate(places):
        change = directions(case, [i], 10 + i)
        high, low = (float(host(loss(as_tensors(k, moved(case, [i], change, s), [], False)))) for s in (STEP, -STEP))
        numeric = (high - low) / (2 * STEP)
        exact = along([None if grads[j] is None else host(grads[j])], change)
        assert math.isclose(exact, numeric, rel_tol=2e-5, abs_tol=2e-6), (
            f"operand {i}: rule {exact}, difference {numeric}"
        )


def check_second(case, k):
    places = differentiable_places(case)
    loss = Loss(case, 2)
    changes = directions(case, places, 5)

    def slope(operands, create_graph):
        """The derivative of the loss along ``changes``, as a tensor."""
        grads, wanted = gradients(loss, k, operands, places, create_graph)
        total = None
        for g, d in zip(grads, changes, strict=True):
            if g is None:
                continue
            term = apply("mul", (g, tensor(k, np.conj(d))))
            if d.dtype.kind == "c":
                term = apply("real", (term,))
            one = apply("sum", (term,), {"axis": tuple(range(d.ndim))})
            total = one if total is None else apply("add", (total, one))
        return total, wanted

    loss(as_tensors(k, case.operands, places, False))
    value, wanted = slope(case.operands, True)
    if value is None:
        return
    seconds = grad([value], wanted, allow_unused=True) if value._req else [None] * len(wanted)
    other = directions(case, places, 6)
    high, low = (float(host(slope(moved(case, places, other, s), False)[0])) for s in (STEP, -STEP))
    numeric = (high - low) / (2 * STEP)
    exact = along([None if g is None else host(g) for g in seconds], other)
    assert math.isclose(exact, numeric, rel_tol=1e-4, abs_tol=1e-5), f"rule {exact}, difference {numeric}"


@pytest.mark.parametrize("case", GRADED, ids=repr)
def test_first_order(backend, case):
    check_first(case, load_backend(backend))


@pytest.mark.parametrize("case", [c for c in GRADED if c.op not in FLAT], ids=repr)
def test_second_order(backend, case):
    check_second(case, load_backend(backend))


@pytest.mark.one_backend
@pytest.mark.parametrize("name", list(OPS))
def test_every_op_is_accounted_for(backend, name):
    """An op has a rule, is declared without one, or is composed of ops that can be differentiated."""
    op = OPS[name]
    if rule_for(name) is not None or is_nondifferentiable(name):
        return
    assert not op.primitive, f"primitive {name} has no gradient rule and is not declared without one"
    assert any(c.op == name for c in GRADED), f"the composition of {name} is never differentiated by a test"


@pytest.mark.one_backend
def test_every_differentiable_op_is_checked(backend):
    checked = {c.op for c in GRADED}
    missing = {n for n in OPS if not is_nondifferentiable(n)} - checked - {"bitcast"} - FLAT
    assert not missing
