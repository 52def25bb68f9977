"""Optimizers that are not elementwise, and averages of models, against PyTorch."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from test_optim_parity import assert_same, plain

import plugtorch
import plugtorch.nn
import plugtorch.optim

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")
LIBRARIES = (torch, plugtorch)


def valley(lib, dtype, **options):
    """A curved valley for L-BFGS (Rosenbrock's function), with a second parameter, complex, that has its own minimum."""
    rng = np.random.default_rng(1)
    x = lib.nn.Parameter(lib.tensor(rng.standard_normal(6), dtype=getattr(lib, dtype)))
    z = lib.nn.Parameter(lib.tensor(rng.standard_normal((2, 2)) * 1j, dtype=lib.complex128))
    unused = lib.nn.Parameter(lib.ones(3, dtype=getattr(lib, dtype)))
    optimizer = lib.optim.LBFGS([x, z, unused], **options)
    seen = []

    def closure():
        optimizer.zero_grad()
        loss = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum() + (z - 1).abs().square().sum()
        loss.backward()
        seen.append(loss.item())
        return loss

    return (x, z, unused), optimizer, closure, seen


@pytest.mark.parametrize("options", [
    {"lr": 1e-3}, {"line_search_fn": "strong_wolfe"}, {"line_search_fn": "strong_wolfe", "max_eval": 7, "history_size": 3},
    {"line_search_fn": "strong_wolfe", "lr": 0.3, "max_iter": 5, "tolerance_grad": 1e-2},
])
def test_lbfgs(options):
    """In float64: in float32 the path is chaotic, one changed last digit of an input moves PyTorch's own end as far."""
    (want_params, want, _, want_seen), (params, have, closure, seen) = runs = [valley(lib, "float64", **options)
                                                                             for lib in LIBRARIES]
    for _, optimizer, step, _ in runs:
        for _ in range(4):
            optimizer.step(step)
    np.testing.assert_allclose(seen, want_seen, rtol=1e-6, atol=1e-12)
    assert_same(plain(list(params)), plain(list(want_params)), 1e-6, 1e-9)
    saved, want_saved = have.state_dict(), want.state_dict()
    assert saved["param_groups"] == want_saved["param_groups"]
    assert set(saved["state"][0]) == set(want_saved["state"][0])
    assert {k: type(v).__name__ for k, v in saved["state"][0].items()} == \
        {k: type(v).__name__ for k, v in want_saved["state"][0].items()}

    twin_params, twin, twin_closure, _ = valley(plugtorch, "float64", **options)
    twin.load_state_dict(copy.deepcopy(saved))
    with plugtorch.no_grad():
        for p, q in zip(twin_params, params, strict=True):
            p.copy_(q)
    assert float(twin.step(twin_closure)) == float(have.step(closure))
    assert_same(plain(list(twin_params)), plain(list(params)), 0, 0)


def test_lbfgs_reaches_the_minimum_in_float32():
    params, optimizer, closure, _ = valley(plugtorch, "float32", line_search_fn="strong_wolfe", max_iter=60)
    optimizer.step(closure)
    np.testing.assert_allclose(params[0].detach().numpy(), np.ones(6), atol=2e-3)


def test_sparse_adam():
    runs = []
    for lib in LIBRARIES:
        weight = lib.nn.Parameter(lib.tensor(np.random.default_rng(0).standard_normal((6, 3)), dtype=lib.float64))
        dense = lib.nn.Parameter(lib.ones(2, dtype=lib.float64))
        optimizer = lib.optim.SparseAdam([weight, dense], lr=0.1, betas=(0.5, 0.8), maximize=True)
        for index in ([0, 2, 2], [5, 0], [1], []):
            optimizer.zero_grad()
            rows = lib.nn.functional.embedding(lib.tensor(index, dtype=lib.int64), weight, sparse=True)
            (rows ** 3).sum().backward()
            optimizer.step()
        twin = lib.optim.SparseAdam([weight], lr=0.1)
        twin.load_state_dict({"state": optimizer.state_dict()["state"],
                              "param_groups": [{**optimizer.state_dict()["param_groups"][0], "params": [0]}]})
        runs.append((weight, optimizer.state_dict(), twin.state_dict()))
    assert_same(plain(list(runs[1])), plain(list(runs[0])), 1e-12)


@pytest.mark.parametrize("options", [
    {"lr": 0.05}, {"lr": 0.05, "momentum": 0.5, "nesterov": False, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3},
    {"lr": 0.05, "weight_decay": 0.5, "ns_coefficients": (3.0, -4.0, 2.0), "adjust_lr_fn": "original"},
])
def test_muon(options):
    runs = []
    for lib in LIBRARIES:
        rng = np.random.default_rng(0)
        params = [lib.nn.Parameter(lib.tensor(rng.standard_normal(shape), dtype=lib.float32)) for shape in ((4, 7), (6, 3))]
        optimizer = lib.optim.Muon(params, **options)
        for _ in range(4):
            optimizer.zero_grad()
            sum((p ** 4).sum() for p in params).backward()
            optimizer.step()
        runs.append((params, optimizer.state_dict(), repr(optimizer)))
    (want_params, want_state, want_repr), (params, state, text) = runs
    assert text == want_repr
    assert_same(plain(state), plain(want_state), 2e-2, 2e-2)
    # The direction is formed in bfloat16, whose steps are 0.4 %.
    assert_same(plain(params), plain(want_params), 2e-2, 4e-3)


def ways_to_fail(lib):
    matrix, vector = lib.nn.Parameter(lib.ones(2, 2)), lib.nn.Parameter(lib.ones(2))
    complexes = lib.nn.Parameter(lib.ones(2, 2, dtype=lib.complex64))
    sparse = lib.ones(2, 2).to_sparse()
    optim = lib.optim

    def stepped(optimizer, param, grad):
        param.grad = grad
        optimizer.step(lambda: lib.ones(()))

    class Fixed:
        def __call__(self):
            matrix.grad = lib.ones(2, 2)
            return (matrix * 1).sum()

    def lbfgs(**options):
        optim.LBFGS([matrix], **options).step(Fixed())

    adam = optim.Adam([matrix])
    return {
        "lbfgs groups": lambda: optim.LBFGS([{"params": [matrix]}, {"params": [vector]}]),
        "lbfgs lr": lambda: optim.LBFGS([matrix], lr=-1),
        "lbfgs search": lambda: lbfgs(line_search_fn="weak"),
        "lbfgs no closure": lambda: optim.LBFGS([matrix]).step(),
        "muon vector": lambda: optim.Muon([vector]),
        "muon lr": lambda: optim.Muon([matrix], lr=-1),
        "muon momentum": lambda: optim.Muon([matrix], momentum=-1),
        "muon decay": lambda: optim.Muon([matrix], weight_decay=-1),
        "muon scale": lambda: optim.Muon([matrix], adjust_lr_fn="none"),
        "muon complex": lambda: stepped(optim.Muon([complexes]), complexes, lib.ones(2, 2, dtype=lib.complex64)),
        "muon sparse": lambda: stepped(optim.Muon([matrix]), matrix, sparse),
        "muon steps": lambda: stepped(optim.Muon([matrix], ns_steps=100), matrix, lib.ones(2, 2)),
        "muon coefficients": lambda: stepped(optim.Muon([matrix], ns_coefficients=(1, 2)), matrix, lib.ones(2, 2)),
        "sparse adam dense": lambda: stepped(optim.SparseAdam([matrix]), matrix, lib.ones(2, 2)),
        "sparse adam lr": lambda: optim.SparseAdam([matrix], lr=0),
        "sparse adam eps": lambda: optim.SparseAdam([matrix], eps=0),
        "sparse adam betas": lambda: optim.SparseAdam([matrix], betas=(0.1, 1.0)),
        "sparse adam complex": lambda: optim.SparseAdam([matrix, complexes]),
        "sparse adam sparse": lambda: optim.SparseAdam([sparse]),
        "adam sparse": lambda: stepped(adam, matrix, sparse),
        "swap without state": lambda: optim.swap_in_optimizer_params_and_state(adam, {}, {}).__enter__(),
        "average by two": lambda: optim.swa_utils.AveragedModel(lib.nn.Linear(1, 1), avg_fn=len, multi_avg_fn=len),
        "decay": lambda: optim.swa_utils.get_ema_avg_fn(1.5),
        "swalr strategy": lambda: optim.swa_utils.SWALR(adam, 0.1, anneal_strategy="sin"),
        "swalr epochs": lambda: optim.swa_utils.SWALR(adam, 0.1, anneal_epochs=-1),
        "swalr length": lambda: optim.swa_utils.SWALR(adam, [0.1, 0.2]),
    }


@pytest.mark.parametrize("case", sorted(ways_to_fail(torch)))
def test_errors(case):
    outcomes = []
    for lib in LIBRARIES:
        with pytest.raises(Exception) as caught:  # noqa: B017  (compared with PyTorch's)
            ways_to_fail(lib)[case]()
        outcomes.append((caught.type, str(caught.value)))
    assert outcomes[1] == outcomes[0]


def network(lib):
    lib.manual_seed(3)
    model = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4), lib.nn.Linear(4, 1))
    model.register_buffer("count", lib.tensor([4, 6]))
    return model


AVERAGES = {
    "default": lambda lib: {},
    "ema": lambda lib: {"avg_fn": lib.optim.swa_utils.get_ema_avg_fn(0.7)},
    "ema multi": lambda lib: {"multi_avg_fn": lib.optim.swa_utils.get_ema_multi_avg_fn(0.7), "use_buffers": True},
    "swa": lambda lib: {"avg_fn": lib.optim.swa_utils.get_swa_avg_fn(), "use_buffers": True},
    "swa multi": lambda lib: {"multi_avg_fn": lib.optim.swa_utils.get_swa_multi_avg_fn()},
    "own": lambda lib: {"avg_fn": lambda a, p, n: 0.25 * a + 0.75 * p + n},
}


@pytest.mark.parametrize("kind", AVERAGES)
def test_averaged_model(kind):
    states = []
    for lib in LIBRARIES:
        model = network(lib)
        averaged = lib.optim.swa_utils.AveragedModel(model, **AVERAGES[kind](lib))
        optimizer = lib.optim.SGD(model.parameters(), lr=0.01)
        schedule = lib.optim.swa_utils.SWALR(optimizer, 0.03, anneal_epochs=3, anneal_strategy="linear")
        x = lib.linspace(-1, 1, 15).reshape(5, 3)
        for _ in range(4):
            optimizer.zero_grad()
            model(x).sin().mean().backward()
            optimizer.step()
            averaged.update_parameters(model)
            schedule.step()
        before = plain(dict(averaged.state_dict()))
        lib.optim.swa_utils.update_bn([(x, 0), (x * 2, 1)], averaged)
        with lib.no_grad():
            out = averaged.eval()(x)
        states.append([before, plain(dict(averaged.state_dict())), plain(out), repr(averaged)])
    assert states[1][3] == states[0][3]
    assert_same(states[1][:3], states[0][:3], 1e-5, 1e-6)


@pytest.mark.parametrize("options", [{}, {"anneal_strategy": "linear", "anneal_epochs": 4}, {"anneal_epochs": 0}])
def test_swalr(options):
    runs = []
    for lib in LIBRARIES:
        optimizer = lib.optim.SGD([{"params": [lib.nn.Parameter(lib.ones(1))], "lr": 0.5},
                                   {"params": [lib.nn.Parameter(lib.ones(1))], "lr": 0.01}])
        before = lib.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        schedule = lib.optim.swa_utils.SWALR(optimizer, [0.1, 0.2], **options)
        rates = []
        for i in range(12):
            optimizer.step()
            (before if i < 3 else schedule).step()
            rates += [group["lr"] for group in optimizer.param_groups]
            if i == 6:
                kept = pickle.loads(pickle.dumps(schedule.state_dict()))
                schedule = lib.optim.swa_utils.SWALR(optimizer, 7.0, last_epoch=0)
                for group, lr in zip(optimizer.param_groups, (0.1, 0.2), strict=True):
                    group["swa_lr"] = lr
                schedule.load_state_dict(kept)
        runs.append((rates, sorted(schedule.state_dict())))
    assert runs[1][1] == runs[0][1]
    assert all(math.isclose(h, w, rel_tol=1e-12) for h, w in zip(runs[1][0], runs[0][0], strict=True))


def test_swap_in_parameters_and_state():
    runs = []
    for lib in LIBRARIES:
        own = lib.nn.Parameter(lib.ones(3))
        optimizer = lib.optim.Adam([own], lr=0.1)
        own.grad = lib.ones(3)
        optimizer.step()
        other = lib.nn.Parameter(lib.full((3,), 5.0))
        other.grad = lib.ones(3)
        state = copy.deepcopy(optimizer.state_dict())
        state["param_groups"][0]["lr"] = 1.0
        params, kept = optimizer.param_groups[0]["params"], optimizer.state
        with lib.optim.swap_in_optimizer_params_and_state(optimizer, {"any": other}, state):
            assert optimizer.param_groups[0]["params"][0] is other
            optimizer.step()
        assert optimizer.param_groups[0]["params"] is params
        assert optimizer.state is kept and optimizer.param_groups[0]["lr"] == 0.1
        for wrong in ({"state": []}, {"state": {}, "param_groups": 3}, {"state": {}, "param_groups": []},
                      {**state, "state": {9: {}}}, {"state": {}, "param_groups": [{"params": [0]}]}):
            with pytest.raises(RuntimeError) as caught, \
                    lib.optim.swap_in_optimizer_params_and_state(optimizer, {"any": other}, wrong):
                pass
            runs.append(str(caught.value))
        runs.append(plain([own, other, state]))
    half = len(runs) // 2
    assert runs[half:-1] == runs[:half - 1]
    assert_same(runs[-1], runs[half - 1], 1e-6)


def differentiated(lib, name, what, options):
    """Three differentiable steps: the parameters, and gradients for their start, their gradients and a hyper-parameter."""
    start = lib.tensor([1.0, -2.0, 3.0], dtype=lib.float64, requires_grad=True)
    g = lib.tensor([0.5, 0.3, -0.2], dtype=lib.float64, requires_grad=True)
    values = {"lr": (0.1,), "weight_decay": (0.2,), "momentum": (0.5,), "betas": (0.5, 0.7), "eps": (0.01,), None: ()}[what]
    hyper = [lib.tensor(v, dtype=lib.float64, requires_grad=True) for v in values]
    given = {} if what is None else {what: tuple(hyper) if what == "betas" else hyper[0]}
    param = start.clone()
    optimizer = getattr(lib.optim, name)([param], **{"lr": 0.1, "differentiable": True, **options, **given})
    for i in range(3):
        param.grad = g * (i + 1.0) + param.detach() * 0.3
        optimizer.step()
    (param**2).sum().backward()
    return [t.detach().numpy() for t in (param, start.grad, g.grad, *(h.grad for h in hyper))]


@pytest.mark.parametrize(("name", "what", "options"), [
    ("SGD", None, {"momentum": 0.9}), ("SGD", "lr", {}), ("SGD", "lr", {"momentum": 0.9, "nesterov": True}),
    ("SGD", "weight_decay", {"momentum": 0.9}), ("SGD", "momentum", {}), ("Adam", None, {"maximize": True}), ("Adam",
                                                                                                              "lr", {}),
    ("Adam", "weight_decay", {}), ("Adam", "betas", {}), ("Adam", "eps", {}), ("AdamW", "lr", {}), ("AdamW",
                                                                                                    "weight_decay", {}),
    ("RAdam", "lr", {}), ("NAdam", None, {}), ("Adagrad", None, {}), ("Adadelta", None, {}), ("RMSprop", None, {}),
    ("ASGD", None, {}),
])
def test_steps_are_differentiable(name, what, options):
    """Also in hyper-parameters. PyTorch counts Adam's steps, and so its corrections, in float32."""
    want, have = (differentiated(lib, name, what, options) for lib in LIBRARIES)
    rtol = 1e-3 if name in ("Adam", "AdamW", "NAdam") else 1e-12
    for h, w in zip(have, want, strict=True):
        np.testing.assert_allclose(h, w, rtol=rtol, atol=rtol * 1e-1)
