"""Optimizers and learning rate schedules take PyTorch's steps and keep PyTorch's state."""

from __future__ import annotations

import copy
import math
import pickle
import warnings

import numpy as np
import pytest

import plugtorch
import plugtorch.nn
import plugtorch.optim

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore")

SETTINGS = {
    "SGD": [
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"lr": 0.01, "momentum": 0.5, "dampening": 0.3, "maximize": True},
    ],
    "Adam": [
        {},
        {"lr": 0.1, "weight_decay": 0.1, "amsgrad": True},
        {"lr": 0.1, "maximize": True, "betas": (0.5, 0.7)},
        {"decoupled_weight_decay": True, "weight_decay": 0.1},
    ],
    "AdamW": [{}, {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True, "maximize": True}],
    "RMSprop": [
        {},
        {"lr": 0.01, "momentum": 0.9, "centered": True, "weight_decay": 0.1},
        {"momentum": 0.3, "maximize": True},
    ],
    "Adagrad": [
        {},
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2},
        {"maximize": True},
    ],
    "Adadelta": [{}, {"lr": 0.5, "rho": 0.7, "weight_decay": 0.1, "maximize": True}],
    "Adamax": [{}, {"lr": 0.1, "weight_decay": 0.1, "maximize": True, "betas": (0.5, 0.6)}],
    "NAdam": [
        {},
        {"lr": 0.1, "weight_decay": 0.1},
        {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True, "momentum_decay": 0.1},
    ],
    "RAdam": [
        {},
        {"lr": 0.1, "weight_decay": 0.1, "betas": (0.5, 0.6)},
        {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True, "betas": (0.5, 0.9)},
    ],
    "ASGD": [
        {},
        {"lr": 0.1, "lambd": 0.01, "alpha": 0.5, "t0": 3, "weight_decay": 0.1},
        {"maximize": True, "t0": 1},
    ],
    "Adafactor": [
        {},
        {"lr": 0.3, "eps": (1e-3, 1e-2), "d": 1.5, "weight_decay": 0.2, "beta2_decay": -0.5},
        {"lr": 0.1, "maximize": True},
    ],
    "Rprop": [{}, {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (1e-3, 1.0), "maximize": True}],
}
DTYPES = {name: ("float32", "float64", "complex128") for name in SETTINGS} | {"Adafactor": ("float32", "float64")}
# These are tried in test_optim_other_parity.py.
OTHERS = {"LBFGS", "Muon", "SparseAdam"}
ALL_SETTINGS = [
    pytest.param(name, setting, id=f"{name}-{i}")
    for name, settings in SETTINGS.items()
    for i, setting in enumerate(settings)
]


def problem(lib, name, setting, dtype):
    """Three parameters in two groups, one never used, an optimizer over them and the loss as a closure."""
    rng = np.random.default_rng(2)
    kind = getattr(lib, dtype)
    values = [rng.standard_normal((3, 4)), rng.standard_normal(5), np.zeros(2)]
    if dtype == "complex128":
        values = [v + 1j * rng.standard_normal(v.shape) for v in values]
    params = [lib.nn.Parameter(lib.tensor(v, dtype=kind)) for v in values]
    optimizer = getattr(lib.optim, name)([{"params": params[:1]}, {"params": params[1:], "lr": 0.02}], **setting)

    def closure():
        optimizer.zero_grad()
        first, second = params[:2]
        loss = (first.abs() ** 2).sum() + ((second - 1).abs() ** 2).sum() * 1.1 + (first.abs() ** 4).sum() * 0.1
        loss.backward()
        return loss

    return params, optimizer, closure


def plain(value):
    """Tensors as NumPy arrays, through containers."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value.detach().numpy() if hasattr(value, "detach") else value


def assert_same(have, want, rtol, atol=1e-12):
    assert type(have) is type(want) or isinstance(have, float | int)
    if isinstance(want, dict):
        assert list(have) == list(want)
        for key in want:
            assert_same(have[key], want[key], rtol, atol)
    elif isinstance(want, list):
        assert len(have) == len(want)
        for h, w in zip(have, want, strict=True):
            assert_same(h, w, rtol, atol)
    elif isinstance(want, np.ndarray):
        assert have.dtype == want.dtype and have.shape == want.shape
        np.testing.assert_allclose(have, want, rtol=rtol, atol=atol)
    elif isinstance(want, float):
        assert math.isclose(have, want, rel_tol=rtol, abs_tol=atol) or have == want
    else:
        assert have == want


def optimizers(lib):
    """The names of the optimizer classes that ``lib.optim`` has."""
    kinds = {name: getattr(lib.optim, name) for name in dir(lib.optim)}
    base = lib.optim.Optimizer
    return {name for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, base) and kind is not base}


def test_every_optimizer_of_torch_is_there():
    assert optimizers(plugtorch) == optimizers(torch) == set(SETTINGS) | OTHERS


@pytest.mark.parametrize("name", [name for name, dtypes in DTYPES.items() if "complex128" not in dtypes])
def test_complex_parameters_are_refused(name):
    def step(lib):
        _, optimizer, closure = problem(lib, name, {}, "complex128")
        optimizer.step(closure)

    want = message(step, torch)
    assert want is not None
    assert message(step, plugtorch) == want


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_loading_fills_hyper_parameters_that_older_checkpoints_lack(name):
    _, optimizer, closure = problem(plugtorch, name, {}, "float64")
    optimizer.step(closure)
    again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(optimizer))))
    assert [list(group) for group in again.param_groups] == [list(group) for group in optimizer.param_groups]
    saved = optimizer.state_dict()
    for group in saved["param_groups"]:
        del group["maximize"]
    again.load_state_dict(saved)
    assert [sorted(group) for group in again.param_groups] == [sorted(group) for group in optimizer.param_groups]
    assert not any(group["maximize"] for group in again.param_groups)


@pytest.mark.parametrize(("name", "setting", "dtype"), [
    pytest.param(*p.values, dtype, id=f"{p.id}-{dtype}")
    for p in ALL_SETTINGS for dtype in DTYPES[p.values[0]]
])
def test_steps_and_state(name, setting, dtype):
    rtol, atol = (5e-5, 1e-5) if dtype == "float32" or name in ("NAdam", "ASGD") else (1e-10, 1e-12)
    runs = []
    for lib in (torch, plugtorch):
        params, optimizer, closure = problem(lib, name, setting, dtype)
        losses = []
        for i in range(8):
            if i == 5:
                optimizer.param_groups[0]["lr"] = 0.03
            losses.append(float(optimizer.step(closure)))
        runs.append((params, optimizer, closure, losses))
    (want_params, want, _, want_losses), (have_params, have, closure, have_losses) = runs
    np.testing.assert_allclose(have_losses, want_losses, rtol=1e-4)
    assert_same(plain(have_params), plain(want_params), rtol, atol)
    assert_same(plain(have.state_dict()), plain(want.state_dict()), rtol, atol)
    assert repr(have) == repr(want)

    twin_params, twin, twin_closure = problem(plugtorch, name, setting, dtype)
    twin.load_state_dict(copy.deepcopy(have.state_dict()))
    with plugtorch.no_grad():
        for p, q in zip(twin_params, have_params, strict=True):
            p.copy_(q)
    have.step(closure)
    twin.step(twin_closure)
    # Loading casts the scalars of NAdam and ASGD to the dtype of the parameter, as PyTorch does.
    scalars = name in ("NAdam", "ASGD")
    assert_same(plain(twin_params), plain(have_params), 1e-6 if scalars else 0, 1e-9 if scalars else 0)
    assert repr(pickle.loads(pickle.dumps(have))) == repr(have)


def message(function, lib):
    try:
        function(lib)
    except Exception as error:
        return type(error).__name__, str(error).replace("plugtorch.", "torch.")
    return None


def parameter(lib):
    return lib.nn.Parameter(lib.ones(2))


WRONG = {
    "SGD": [
        {"lr": -1},
        {"momentum": -1},
        {"weight_decay": -1},
        {"nesterov": True},
        {"fused": True, "foreach": True},
        {"fused": True, "differentiable": True},
    ],
    "Adam": [{"lr": -1}, {"eps": -1}, {"betas": (1.0, 0.9)}, {"betas": (0.9, 1.0)}, {"weight_decay": -1}],
    "RMSprop": [{"lr": -1}, {"eps": -1}, {"momentum": -1}, {"alpha": -1}, {"weight_decay": -1}],
    "Adagrad": [{"lr_decay": -1}, {"initial_accumulator_value": -1}, {"eps": -1}],
    "Adadelta": [{"rho": 2}, {"eps": -1}],
    "Adamax": [{"betas": (2.0, 0)}],
    "NAdam": [{"momentum_decay": -1}],
    "RAdam": [{"betas": (2, 0)}],
    "ASGD": [{"lr": -1}],
    "Rprop": [{"etas": (2, 3)}],
    "Adafactor": [{"lr": -1}, {"beta2_decay": 0.1}, {"eps": (-1, 1)}, {"eps": (None, -1)}, {"d": 0.5}, {"weight_decay": -1}],
}


@pytest.mark.parametrize(("name", "setting"), [(n, s) for n, settings in WRONG.items() for s in settings])
def test_wrong_settings(name, setting):
    want = message(lambda L: getattr(L.optim, name)([parameter(L)], **setting), torch)
    assert want is not None
    assert message(lambda L: getattr(L.optim, name)([parameter(L)], **setting), plugtorch) == want


@pytest.mark.parametrize(
    "given",
    [
        lambda L: L.ones(2),
        lambda L: [],
        lambda L: [1],
        lambda L: [parameter(L) * 2],
        lambda L: [{"params": {parameter(L)}}],
        lambda L: [{"params": [p]} for p in [parameter(L)] for _ in range(2)],
        lambda L: [("a", parameter(L)), parameter(L)],
        lambda L: [{"lr": 1}],
    ],
)
def test_wrong_parameters(given):
    want = message(lambda L: L.optim.SGD(given(L)), torch)
    assert want is not None
    assert message(lambda L: L.optim.SGD(given(L)), plugtorch) == want


def test_hooks():
    logs = []
    for lib in (torch, plugtorch):
        log = []
        p = parameter(lib)
        o = lib.optim.SGD([("w", p)], lr=0.1)
        o.register_step_pre_hook(lambda s, a, k, log=log: log.append(("before", len(a), k)))
        o.register_step_post_hook(lambda s, a, k, log=log: log.append(("after", len(a), k)))
        o.register_state_dict_pre_hook(lambda s, log=log: log.append("save"))
        o.register_state_dict_post_hook(lambda s, d, log=log: log.append(("saved", sorted(d))))
        o.register_load_state_dict_pre_hook(lambda s, d, log=log: log.append("load"))
        o.register_load_state_dict_post_hook(lambda s, log=log: log.append("loaded"))
        (p**2).sum().backward()
        o.step()
        state = o.state_dict()
        o.load_state_dict(state)
        o.zero_grad()
        log += [p.grad, str(state), repr(o)]
        logs.append(log)
    assert logs[1] == logs[0]


def every_schedule(S, o):
    """Every schedule of ``S``, the module, as a function that makes it for the optimizer ``o``."""

    def decay(t):
        return 0.95**t

    return {
        "lambda": lambda: S.LambdaLR(o, [decay, lambda t: t / 2]),
        "multiplicative": lambda: S.MultiplicativeLR(o, decay),
        "step": lambda: S.StepLR(o, 3),
        "multi step": lambda: S.MultiStepLR(o, [2, 5, 5], 0.5),
        "constant": lambda: S.ConstantLR(o),
        "linear": lambda: S.LinearLR(o, 0.2, 0.7, 6),
        "exponential": lambda: S.ExponentialLR(o, 0.9),
        "polynomial": lambda: S.PolynomialLR(o, 6, 2.0),
        "cosine": lambda: S.CosineAnnealingLR(o, 5, 0.001),
        "restarts": lambda: S.CosineAnnealingWarmRestarts(o, 3, 2, 0.001),
        "cyclic": lambda: S.CyclicLR(o, 0.01, [0.1, 0.2], 3, 4),
        "triangular2": lambda: S.CyclicLR(o, 0.01, 0.1, 3, mode="triangular2", cycle_momentum=False),
        "exp range": lambda: S.CyclicLR(o, 0.01, 0.1, 3, mode="exp_range", gamma=0.9),
        "scaled": lambda: S.CyclicLR(o, 0.01, 0.1, 3, scale_fn=lambda x: 1 / x),
        "one cycle": lambda: S.OneCycleLR(o, 0.1, 25),
        "three phases": lambda: S.OneCycleLR(
            o, [0.1, 0.2], epochs=5, steps_per_epoch=5, three_phase=True, anneal_strategy="linear"
        ),
        "sequential": lambda: S.SequentialLR(
            o, [S.ConstantLR(o, 0.1, 3), S.ExponentialLR(o, 0.9), S.CosineAnnealingLR(o, 5)], [3, 8]
        ),
        "warm-up": lambda: S.SequentialLR(
            o, [S.LinearLR(o, 0.01, total_iters=4), S.CosineAnnealingWarmRestarts(o, 3)], [4]
        ),
        "chained": lambda: S.ChainedScheduler([S.ConstantLR(o, 0.1, 3), S.ExponentialLR(o, 0.9), S.StepLR(o, 4)]),
    }


def scheduled(lib, kind):
    groups = [{"params": [parameter(lib)]}, {"params": [parameter(lib)], "lr": 0.2}]
    return lib.optim.SGD(groups, lr=0.05, momentum=0.9) if kind == "SGD" else lib.optim.Adam(groups, lr=0.05)


def hyper_parameters(optimizer):
    return [{k: plain(v) for k, v in group.items() if k != "params"} for group in optimizer.param_groups]


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", every_schedule(None, None))
def test_schedule(name, kind):
    optimizers = [scheduled(lib, kind) for lib in (torch, plugtorch)]
    want, have = (
        every_schedule(lib.optim.lr_scheduler, o)[name]()
        for lib, o in zip((torch, plugtorch), optimizers, strict=True)
    )
    for i in range(20):
        for o in optimizers:
            o.step()
        assert_same(hyper_parameters(optimizers[1]), hyper_parameters(optimizers[0]), 1e-12)
        assert_same(have.get_last_lr(), want.get_last_lr(), 1e-12)
        assert_same(plain(have.state_dict()), plain(want.state_dict()), 1e-12)
        want.step()
        have.step()
        if i == 7:
            mine, theirs = copy.deepcopy(have.state_dict()), copy.deepcopy(want.state_dict())
            have.load_state_dict(theirs)
            want.load_state_dict(mine)


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"mode": "max", "factor": 0.5, "patience": 1, "cooldown": 1, "min_lr": [0.01, 0.02], "threshold_mode": "abs"},
        {"patience": 0, "threshold": 0.1},
    ],
)
def test_plateau(setting):
    optimizers = [scheduled(lib, "SGD") for lib in (torch, plugtorch)]
    want = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizers[0], **setting)
    have = plugtorch.optim.lr_scheduler.ReduceLROnPlateau(optimizers[1], **setting)
    rng = np.random.default_rng(0)
    for i in range(40):
        value = float(rng.random()) if i % 2 else float(i % 7)
        want.step(value)
        have.step(plugtorch.tensor(value, dtype=plugtorch.float64))
        assert_same(hyper_parameters(optimizers[1]), hyper_parameters(optimizers[0]), 1e-12)
        assert_same(have.state_dict(), want.state_dict(), 1e-12)


def test_rates_that_are_tensors_are_filled():
    for lib in (torch, plugtorch):
        rate = lib.tensor(0.5)
        o = lib.optim.SGD([parameter(lib)], lr=rate)
        s = lib.optim.lr_scheduler.StepLR(o, 1)
        o.step()
        s.step()
        assert math.isclose(rate.item(), 0.05, rel_tol=1e-6)
        assert o.param_groups[0]["lr"] is rate


def test_order_of_steps_is_watched():
    for lib in (torch, plugtorch):
        o = scheduled(lib, "SGD")
        s = lib.optim.lr_scheduler.StepLR(o, 3)
        with pytest.warns(UserWarning, match="before `optimizer.step"):
            s.step()
        with pytest.warns(UserWarning, match="get_last_lr"):
            s.get_lr()
        o = scheduled(lib, "SGD")
        s = lib.optim.lr_scheduler.StepLR(o, 3)
        o.step()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            s.step()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda S, o: S.StepLR(1, 2),
        lambda S, o: S.LambdaLR(o, [lambda t: 1]),
        lambda S, o: S.ConstantLR(o, 2),
        lambda S, o: S.LinearLR(o, 2),
        lambda S, o: S.OneCycleLR(o, 0.1),
        lambda S, o: S.OneCycleLR(o, 0.1, -1),
        lambda S, o: S.OneCycleLR(o, 0.1, 10, anneal_strategy="x"),
        lambda S, o: S.CyclicLR(o, 0.1, 0.2, mode="x"),
        lambda S, o: S.CosineAnnealingWarmRestarts(o, 0),
        lambda S, o: S.SequentialLR(o, [], []),
        lambda S, o: S.SequentialLR(o, [S.ExponentialLR(o, 0.9)], [1]),
        lambda S, o: S.ChainedScheduler([]),
        lambda S, o: S.ReduceLROnPlateau(o, "x"),
        lambda S, o: S.ReduceLROnPlateau(o, factor=2),
        lambda S, o: S.ReduceLROnPlateau(o, min_lr=[1]),
    ],
)
def test_wrong_schedules(wrong):
    want = message(lambda L: wrong(L.optim.lr_scheduler, scheduled(L, "SGD")), torch)
    assert want is not None
    assert message(lambda L: wrong(L.optim.lr_scheduler, scheduled(L, "SGD")), plugtorch) == want
