"""Compiled functions: what they compute is what the eager ones do, once and again, inside and outside of autograd."""

from __future__ import annotations

import numpy as np

import plugtorch as torch
from plugtorch.autograd.api import grad
from plugtorch.autograd.plans import is_nondifferentiable
from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import DType

from ..check import Bench, Check, as_tuple, numbered
from ..programs import DRAWS, SEED, TRAININGS
from ..recorded import recorded
from ..samples import SAMPLES
from . import gradients
from .values import needed_dtypes

# Ops without tensors to begin from, or whose size depends on values.
OUTSIDE = frozenset({"from_host", "to_host", "nonzero", "full", "arange"})


class Counted:
    """A function that counts how often its Python body runs."""

    def __init__(self, function):
        self.function, self.runs = function, 0
        self.__name__ = self.__qualname__ = "function"

    def __call__(self, *args):
        self.runs += 1
        return self.function(*args)


def agree(found, expected):
    """Equal to a few units in the last place of what the library's compiler may reorder."""
    for a, b in zip(as_tuple(found), as_tuple(expected), strict=True):
        a, b = (np.asarray(gradients.host(t)) if hasattr(t, "_a") else t for t in (a, b))
        if a is None or b is None:
            assert a is b, f"{a!r} instead of {b!r}"
            continue
        assert a.shape == b.shape and a.dtype == b.dtype, f"{a.dtype}{a.shape} instead of {b.dtype}{b.shape}"
        if a.dtype.kind in "biu":
            np.testing.assert_array_equal(a, b)
        else:
            tolerance = 1e-10 if a.dtype.itemsize >= 8 and a.dtype.name != "complex64" else 1e-5
            scale = np.max(np.abs(b[np.isfinite(b)]), initial=1.0)
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * float(scale))


def check_op(sample, bench: Bench):
    """The second call of a compiled op gives what the eager op gives, and does not run the function's body."""
    operands = tuple(bench.tensor(bench.fitted(o)) if isinstance(o, np.ndarray) else o for o in sample.operands)
    params = {n: bench.device if n == "device" else v for n, v in sample.params.items()}
    body = Counted(lambda *operands: apply(sample.op, operands, params))
    function = torch.compile(body, fullgraph=True)
    expected = apply(sample.op, operands, params)
    for _ in range(2):
        agree(function(*operands), expected)
    assert body.runs == 1, f"the body ran {body.runs} times in two calls"


def check_gradients(sample, bench: Bench):
    """Gradients that pass through a compiled function are the eager ones."""
    places = gradients.differentiable_places(sample)
    loss = gradients.Loss(sample, 1, bench)
    loss(gradients.as_tensors(bench, sample.operands, places, False))
    expected, _ = gradients.gradients(loss, bench, sample.operands, places)
    function = torch.compile(lambda *operands: loss(operands), fullgraph=True)
    for _ in range(2):
        operands = gradients.as_tensors(bench, sample.operands, places, True)
        value = function(*operands)
        agree(grad([value], [operands[i] for i in places], allow_unused=True), expected)


def check_training(name: str, bench: Bench):
    """A compiled training step ends where PyTorch's eager one does."""
    torch.manual_seed(SEED)
    found = TRAININGS[name](torch, torch.compile)
    np.testing.assert_allclose(found, recorded()["trainings"][name], rtol=2e-4 * bench.slack, atol=2e-5 * bench.slack)


def check_draws(name: str, bench: Bench):
    """A compiled function draws what the eager one draws, and other numbers at the next call."""
    torch.manual_seed(SEED)
    expected = [DRAWS[name](torch) for _ in range(3)]
    function = torch.compile(lambda: DRAWS[name](torch), fullgraph=False)
    torch.manual_seed(SEED)
    for want in expected:
        agree(function().detach(), want.detach())


def check_memory(bench: Bench):
    """What a compiled function changes in place it changes where it lies."""
    t = bench.tensor(np.ones(3, np.float32))
    array = t._a
    double = torch.compile(lambda: t.mul_(2), fullgraph=True)
    for _ in range(3):
        double()
    assert t._a is array, "the tensor has another array after an in-place change"
    np.testing.assert_array_equal(bench.host(array), np.full(3, 8, np.float32))


def checks():
    """The first sample of each op, and the first that is differentiated; training programs, draws and memory."""
    yield Check("compiled", "memory", "in place", check_memory, needs="aliases")
    for op, samples in SAMPLES.items():
        if op in OUTSIDE:
            continue
        named = list(numbered(samples))
        name, first = named[0]
        yield Check("compiled", op, f"{name} values", lambda bench, s=first: check_op(s, bench), needed_dtypes(first),
                    fits=not any(isinstance(v, DType) for v in first.params.values()))
        smooth = [(n, s) for n, s in named if s.grad]
        if smooth and not is_nondifferentiable(op):
            name, one = smooth[0]
            yield Check("compiled", op, f"{name} gradients", lambda bench, s=one: check_gradients(s, bench),
                        needed_dtypes(one), fits=one.tolerance < 1e3)
    for name in TRAININGS:
        yield Check("compiled", "programs", name, lambda bench, name=name: check_training(name, bench))
    for name in DRAWS:
        yield Check("compiled", "draws", name, lambda bench, name=name: check_draws(name, bench))

