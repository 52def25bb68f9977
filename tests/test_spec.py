"""The contract itself, and what kernels keep to themselves."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from plugtorch.autograd.plans import is_nondifferentiable, rule_for
from plugtorch.conformance import Bench
from plugtorch.conformance.samples import SAMPLES
from plugtorch.spec import OPS, load_backend
from plugtorch.spec.backend import AbstractBackend


@pytest.mark.one_backend
def test_the_abstract_backend_has_every_op(backend):
    assert all(hasattr(AbstractBackend, name) for name in OPS)


@pytest.mark.one_backend
@pytest.mark.parametrize("name", list(OPS))
def test_every_op_is_differentiated_somehow(backend, name):
    """An op has a rule, is declared without one, or is composed of ops that can be differentiated, and tried."""
    if rule_for(name) is None and not is_nondifferentiable(name):
        assert not OPS[name].primitive, f"primitive {name} has no gradient rule and is not declared without one"
        assert any(s.grad for s in SAMPLES[name]), f"the composition of {name} is never differentiated by a sample"


def test_no_warning_leaks(backend):
    """PyTorch never warns of a division by zero, and neither do the kernels, whatever the caller's errstate."""
    k = load_backend(backend)
    bench = Bench(k)
    with np.errstate(all="warn"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # The hottest kernels rely on a filter of their own, which the line above put out of force.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"plugtorch_numpy\.hot")
        for name in ("div", "log", "sqrt", "exp", "reciprocal", "mul", "sub", "pow", "remainder", "softmax", "cast",
                     "scatter"):
            for s in SAMPLES[name]:
                getattr(k, name)(*[bench.put(o) for o in s.operands], **s.params)
        big = bench.put(np.array([1e308, -1e308, 0.0]))
        k.add(big, big)
        k.mul(big, big)
        k.matmul(bench.put(np.full((2, 2), 1e200)), bench.put(np.full((2, 2), 1e200)))
    leaked = [f"{w.filename}:{w.lineno} {w.message}" for w in caught if issubclass(w.category, RuntimeWarning)]
    assert not leaked
