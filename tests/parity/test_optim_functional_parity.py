"""The functional forms of the optimizers change parameters and state lists as PyTorch's do."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest
from compare import agree, outcome
from test_optim_parity import assert_same, plain

import plugtorch

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

ADAM = {"beta1": 0.8, "beta2": 0.9, "lr": 0.1, "eps": 1e-6}
ZEROS, ONES, NONE = "zeros_like", "ones_like", None
#: Per function: what its state lists begin from ("": empty, "scalar": one number), and sets of options.
FUNCTIONS = {
    "adadelta": ((ZEROS, ZEROS), [{"lr": 0.5, "rho": 0.7, "eps": 1e-4, "weight_decay": 0.1, "maximize": True}]),
    "adagrad": ((ONES,), [{"lr": 0.1, "weight_decay": 0.1, "lr_decay": 0.2, "eps": 1e-6, "maximize": False}]),
    "adam": ((ZEROS, ZEROS, ZEROS), [
        {**ADAM, "amsgrad": True, "weight_decay": 0.1, "maximize": True},
        {**ADAM, "amsgrad": False, "weight_decay": 0.1, "maximize": False, "decoupled_weight_decay": True}]),
    "adamw": ((ZEROS, ZEROS, ""), [{**ADAM, "amsgrad": False, "weight_decay": 0.1, "maximize": False, "foreach": False}]),
    "adamax": ((ZEROS, ZEROS), [{**ADAM, "weight_decay": 0.1, "maximize": True}]),
    "asgd": ((ZEROS, "scalar", "scalar"), [{"lambd": 0.1, "lr": 0.1, "t0": 1, "alpha": 0.5, "weight_decay": 0.1}]),
    "nadam": ((ZEROS, ZEROS, "scalar"), [
        {**ADAM, "weight_decay": 0.1, "momentum_decay": 0.1, "decoupled_weight_decay": True}]),
    "radam": ((ZEROS, ZEROS), [{**ADAM, "weight_decay": 0.1, "maximize": True}]),
    "rmsprop": ((ZEROS, ZEROS, ZEROS), [
        {"lr": 0.1, "alpha": 0.8, "eps": 1e-6, "weight_decay": 0.1, "momentum": 0.5, "centered": True}]),
    "rprop": ((ZEROS, ONES), [{"step_size_min": 1e-3, "step_size_max": 1.5, "etaminus": 0.5, "etaplus": 1.2}]),
    "sgd": ((NONE,), [
        {"weight_decay": 0.1, "momentum": 0.5, "lr": 0.1, "dampening": 0.2, "nesterov": False, "maximize": True},
        {"weight_decay": 0.0, "momentum": 0.5, "lr": 0.1, "dampening": 0.0, "nesterov": True, "maximize": False}]),
    "_adafactor": ((), [{"d": 1.0, "lr": 0.1, "beta2_decay": -0.8, "weight_decay": 0.1, "eps1": None, "eps2": 1e-3,
                         "maximize": True}]),
    "_muon": ((ZEROS,), [{"lr": 0.1, "weight_decay": 0.1, "momentum": 0.9, "nesterov": True, "eps": 1e-7, "ns_steps": 5,
                          "ns_coefficients": (3.4445, -4.7750, 2.0315), "adjust_lr_fn": None, "has_complex": False}]),
}
CASES = [(name, starts, options) for name, (starts, sets) in FUNCTIONS.items() for options in sets]


def function(lib, name):
    return getattr(importlib.import_module(f"{lib.__name__}.optim.{name}"), name.strip("_"))


def stepped(lib, name, starts, options):
    """Parameters, gradients and lists after three steps; whether tensors are still those that were given."""
    rng = np.random.default_rng(0)
    shapes = [(3, 4), (2, 3)] if name == "_muon" else [(3, 4), (5,)]
    params = [lib.nn.Parameter(lib.tensor(rng.standard_normal(shape), dtype=lib.float64)) for shape in shapes]
    if not name.startswith("_"):
        params.append(lib.nn.Parameter(lib.tensor(rng.standard_normal(2) * (1 + 2j))))
    lists = []
    for start in starts:
        lists.append([] if start == "" else [lib.tensor(1.0) for _ in params] if start == "scalar" else
                     [start and getattr(lib, start)(p).detach() for p in params])
    if name == "_adafactor":
        lists = [[lib.zeros(3, 1, dtype=lib.float64), None], [lib.zeros(1, 4, dtype=lib.float64), None],
                 [None, lib.zeros(5, dtype=lib.float64)]]
    if name not in ("sgd", "_muon"):
        lists.append([lib.tensor(2.0) for _ in params])
    given = [list(values) for values in lists]
    with lib.no_grad():
        for _ in range(3):
            grads = [lib.tensor(rng.standard_normal(p.shape), dtype=p.dtype) for p in params]
            function(lib, name)(params, grads, *lists, **options)
    # Of the complex parameter PyTorch's adam puts a new view of the maximum into its list.
    kept = [[a is b for a, b in zip(now[:2], then, strict=False)] for now, then in zip(lists, given, strict=True)]
    return plain([[p.detach() for p in params], *lists]), kept


@pytest.mark.parametrize(("name", "starts", "options"), CASES)
def test_steps_as_pytorch(name, starts, options):
    (want, want_kept), (got, kept) = (stepped(lib, name, starts, options) for lib in (torch, plugtorch))
    assert kept == want_kept
    tolerance = 3e-2 if name == "_muon" else 1e-6  # Muon works in bfloat16
    assert_same(got, want, tolerance, tolerance)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signature(name):
    want, got = (inspect.signature(function(lib, name)).parameters for lib in (torch, plugtorch))
    assert [(p.name, p.kind, p.default) for p in got.values()] == [(p.name, p.kind, p.default) for p in want.values()]
    assert function(plugtorch, name) is getattr(importlib.import_module("plugtorch.frontend.optim.functional"),
                                                name.strip("_"))


def test_sparse_adam():
    """The numbers of the steps are the caller's to count."""
    agree("""
import importlib; _functional = importlib.import_module(torch.__name__ + '.optim._functional');
p = torch.ones(4, 2); m, v = torch.zeros(4, 2), torch.zeros(4, 2); steps = [3];
g = torch.sparse_coo_tensor([[2, 0, 2]], [[1., 2], [3, 4], [5, 6]], (4, 2));
_functional.sparse_adam([p], [g], [m], [v], steps, eps=1e-6, beta1=.8, beta2=.9, lr=.1, maximize=True);
(p, m, v, steps)""".replace("\n", " "))


PREPARED = ("import importlib; f = lambda name: getattr(importlib.import_module(torch.__name__ + '.optim.' + name), "
            "name.strip('_')); p, g = torch.ones(2), torch.full((2,), 3.); s = torch.tensor(1.); z = torch.zeros_like; "
            "o = dict(beta1=.8, beta2=.9, lr=.1, eps=1e-6, weight_decay=0, maximize=False); ")


@pytest.mark.parametrize("source", [
    "f('adam')([p], [g], [z(p)], [z(p)], [], [1], amsgrad=False, **o)",
    "f('adam')([p], [g], [z(p)], [z(p)], [], [s], amsgrad=False, grad_scale=s, **o)",
    "f('adam')([p], [g], [z(p)], [z(p)], [], [s], amsgrad=False, fused=True, differentiable=True, **o)",
    "f('adamw')([p.requires_grad_()], [g], [z(p)], [z(p)], [], [s], amsgrad=False, **o)",
    "f('adam')([p], [g], [], [z(p)], [], [s], amsgrad=False, **o)",
    "t = s.clone(); f('adam')([p], [g], [z(p)], [z(p)], [], [t], amsgrad=False, fused=True, grad_scale=2 * s, "
    "found_inf=0 * s, **o); (p, g, t)",
    "t = s.clone(); f('adam')([p], [g], [z(p)], [z(p)], [], [t], amsgrad=False, fused=True, grad_scale=2 * s, "
    "found_inf=s, **o); (p, g, t)",
    "f('nadam')([p], [g], [z(p)], [z(p)], [1.], [s], momentum_decay=.1, **o)",
    "f('adagrad')([p], [g], [z(p)], [s], fused=True, has_complex=True, lr=.1, weight_decay=0, lr_decay=0, eps=.1, "
    "maximize=False)",
    "f('adagrad')([p], [g], [z(p)], [s], fused=True, differentiable=True, lr=.1, weight_decay=0, lr_decay=0, eps=.1, "
    "maximize=False)",
    "f('sgd')([p], [g], [None], True, fused=True, lr=.1, weight_decay=0, momentum=0, dampening=0, nesterov=False, "
    "maximize=False)",
    "f('_adafactor')([p], [g], [None], [None], [None], [s], d=1., lr=.1, beta2_decay=-.8, weight_decay=0, eps1=None, "
    "eps2=1e-3, maximize=False)",
    "f('_adafactor')([p], [g], [None], [None], [p], [1], d=1., lr=.1, beta2_decay=-.8, weight_decay=0, eps1=None, "
    "eps2=1e-3, maximize=False)",
    "f('_muon')([p], [g], [g], lr=.1, weight_decay=0, momentum=.9, nesterov=True, eps=1e-7, ns_steps=5, "
    "ns_coefficients=(1., 2., 3.), adjust_lr_fn=None, has_complex=False)",
])
def test_options_and_errors(source):
    agree(PREPARED + source)
    want, got = (outcome(PREPARED + source, lib) for lib in (torch, plugtorch))
    assert not isinstance(want, Exception) or str(got) == str(want)
