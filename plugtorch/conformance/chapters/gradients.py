"""Gradients of first and second order of every differentiable op, against differences of the op's own results."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.autograd.api import grad
from plugtorch.autograd.plans import is_nondifferentiable, rule_for
from plugtorch.autograd.record import apply
from plugtorch.spec import OPS

from ..check import Check, numbered
from ..samples import SAMPLES
from .values import needed_dtypes

# Constant between jumps: their gradient is declared to be zero.
FLAT = frozenset({"floor", "ceil", "trunc", "round", "sign", "floor_divide"})
# Step of the differences and tolerances, in double and in single precision.
STEP = {False: 1e-5, True: 2e-3}
FIRST = {False: {"rel_tol": 2e-5, "abs_tol": 2e-6}, True: {"rel_tol": 2e-2, "abs_tol": 2e-2}}
SECOND = {False: {"rel_tol": 1e-4, "abs_tol": 1e-5}, True: {"rel_tol": 5e-2, "abs_tol": 5e-2}}


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

    def __init__(self, sample, seed, bench):
        self.sample, self.rng, self.bench = sample, np.random.default_rng(seed), bench
        self.weights = None

    def __call__(self, operands):
        """On tensors; returns a 0-d real tensor."""
        out = apply(self.sample.op, operands, self.sample.params)
        results = phaseless(self.sample.op, out if isinstance(out, tuple) else (out,))
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
                r = apply("real", (apply("mul", (r, tensor(self.bench, np.conj(w)))),))
            else:
                r = apply("mul", (r, tensor(self.bench, w)))
            one = apply("sum", (r,), {"axis": tuple(range(len(r._a.shape)))})
            total = one if total is None else apply("add", (total, one))
        return total


def tensor(bench, x, needs=False):
    return bench.tensor(bench.fitted(np.asarray(x)), needs)


def host(t):
    return np.array(t._k.to_host(t._a))


def differentiable_places(sample):
    places = []
    rule = rule_for(sample.op)
    for i, o in enumerate(sample.operands):
        if isinstance(o, np.ndarray) and o.dtype in (np.float64, np.complex128):
            name = OPS[sample.op].operands[min(i, len(OPS[sample.op].operands) - 1)]
            if rule is not None and rule.per_operand is not None and rule.per_operand.get(name, 0) is None:
                continue
            places.append(i)
    return places


def directions(sample, places, seed):
    rng = np.random.default_rng(seed)
    found = []
    for i in places:
        o = sample.operands[i]
        d = rng.standard_normal(o.shape)
        if o.dtype.kind == "c":
            d = d + 1j * rng.standard_normal(o.shape)
        d = np.asarray(d)
        found.append(np.asarray(STRUCTURE.get(sample.op, lambda x: x)(d)))
    return found


def moved(sample, places, changes, step):
    operands = list(sample.operands)
    for i, d in zip(places, changes, strict=True):
        operands[i] = np.asarray(operands[i] + step * d)
    return operands


def as_tensors(bench, operands, places, needs):
    return tuple(
        tensor(bench, o, needs and i in places) if isinstance(o, np.ndarray) else o for i, o in enumerate(operands)
    )


def along(grads, changes):
    """Change of the loss in a direction, from gradients in PyTorch's convention (d/dre + i d/dim)."""
    return sum(float(np.real(np.vdot(g, d))) for g, d in zip(grads, changes, strict=True) if g is not None)


def gradients(loss, bench, operands, places, create_graph=False):
    tensors = as_tensors(bench, operands, places, True)
    value = loss(tensors)
    wanted = [tensors[i] for i in places]
    return grad([value], wanted, create_graph=create_graph, allow_unused=True), wanted


def check_first(sample, bench):
    step = STEP[bench.narrow]
    places = differentiable_places(sample)
    assert places, f"{sample!r} has no operand to differentiate by"
    loss = Loss(sample, 1, bench)
    base = as_tensors(bench, sample.operands, places, False)
    loss(base)
    grads, _ = gradients(loss, bench, sample.operands, places)
    for g, i in zip(grads, places, strict=True):
        if g is not None:
            operand = bench.fitted(sample.operands[i])
            assert tuple(g._a.shape) == operand.shape and host(g).dtype == operand.dtype
    for j, i in enumerate(places):
        change = directions(sample, [i], 10 + i)
        high, low = (float(host(loss(as_tensors(bench, moved(sample, [i], change, s), [], False)))) for s in (step, -step))
        numeric = (high - low) / (2 * step)
        exact = along([None if grads[j] is None else host(grads[j])], change)
        assert math.isclose(exact, numeric, **FIRST[bench.narrow]), (
            f"operand {i}: rule {exact}, difference {numeric}"
        )


def check_second(sample, bench):
    step = STEP[bench.narrow]
    places = differentiable_places(sample)
    loss = Loss(sample, 2, bench)
    changes = directions(sample, places, 5)

    def slope(operands, create_graph):
        """The derivative of the loss along ``changes``, as a tensor."""
        grads, wanted = gradients(loss, bench, operands, places, create_graph)
        total = None
        for g, d in zip(grads, changes, strict=True):
            if g is None:
                continue
            term = apply("mul", (g, tensor(bench, np.conj(d))))
            if d.dtype.kind == "c":
                term = apply("real", (term,))
            one = apply("sum", (term,), {"axis": tuple(range(d.ndim))})
            total = one if total is None else apply("add", (total, one))
        return total, wanted

    loss(as_tensors(bench, sample.operands, places, False))
    value, wanted = slope(sample.operands, True)
    if value is None:
        return
    seconds = grad([value], wanted, allow_unused=True) if value._req else [None] * len(wanted)
    other = directions(sample, places, 6)
    high, low = (float(host(slope(moved(sample, places, other, s), False)[0])) for s in (step, -step))
    numeric = (high - low) / (2 * step)
    exact = along([None if g is None else host(g) for g in seconds], other)
    assert math.isclose(exact, numeric, **SECOND[bench.narrow]), f"rule {exact}, difference {numeric}"


def checks():
    """Every smooth sample; the second order for the first three of each op."""
    for op, samples in SAMPLES.items():
        if is_nondifferentiable(op):
            continue
        smooth = [(n, s) for n, s in numbered(samples) if s.grad]
        for i, (name, s) in enumerate(smooth):
            dtypes = needed_dtypes(s)
            yield Check("gradients", op, f"{name} first order",
                        lambda bench, s=s: check_first(s, bench), dtypes, fits=s.tolerance < 1e3)
            if i < 3 and op not in FLAT:
                yield Check("gradients", op, f"{name} second order",
                            lambda bench, s=s: check_second(s, bench), dtypes, fits=s.tolerance < 1e3)
