"""Steps over many parameters at once give what steps one by one give, in the parameters' own memory."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import plugtorch as torch

SHAPES = [(3, 4), (5,), (), (0,), (70, 80), (1,), (300, 500), (16,), (2, 3, 4)]
OPTIONS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.1, "betas": (0.0, 0.5), "eps": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
    ("RMSprop", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.1, "centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("Adadelta", {"lr": 0.5, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.1}),
]


def parameters(dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in SHAPES]


def give_gradients(params, seed):
    generator = torch.Generator().manual_seed(seed)
    for param in params:
        param.grad = torch.randn(param.shape, generator=generator, dtype=param.dtype)


def close(a, b):
    rtol = 1e-5 if a.dtype == torch.float32 else 1e-12
    torch.testing.assert_close(a, b, rtol=rtol, atol=rtol)


def assert_same(one, other):
    for a, b in zip(one.param_groups, other.param_groups, strict=True):
        for p, q in zip(a["params"], b["params"], strict=True):
            close(p.detach(), q.detach())
            assert one.state[p].keys() == other.state[q].keys()
            for key, value in one.state[p].items():
                close(value, other.state[q][key])


def pair(name, options, dtype=torch.float32):
    """An optimizer that steps together, and one that steps one by one, on equal parameters."""
    kind = getattr(torch.optim, name)
    return (kind(parameters(dtype), **options), kind(parameters(dtype), foreach=False, **options))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_a_step_together_is_the_steps_one_by_one(name, options, dtype):
    both = pair(name, options, getattr(torch, dtype))
    for seed in range(4):
        for optimizer in both:
            params = optimizer.param_groups[0]["params"]
            give_gradients(params, seed)
            if seed == 2:  # one has no gradient this time, so that counts of steps differ from then on
                params[1].grad = None
            if seed == 3:
                optimizer.param_groups[0]["lr"] = 0.05
            optimizer.step()
    assert_same(*both)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_memory_versions_and_gradients(backend, name):
    params = parameters()
    options = {"momentum": 0.9} if name == "SGD" else {}
    optimizer = getattr(torch.optim, name)(params, lr=0.1, **options)
    views = [param.detach().view(-1) for param in params]
    before = [param._version for param in params]
    give_gradients(params, 0)
    grads = [param.grad.clone() for param in params]
    for _ in range(2):
        optimizer.step()
    for param, view, version, grad in zip(params, views, before, grads, strict=True):
        assert torch.equal(view, param.detach().view(-1))
        assert param._version > version
        assert torch.equal(param.grad, grad)


@pytest.mark.one_backend
def test_arrays_taken_before_a_step_follow_it():
    params = parameters()
    optimizer = torch.optim.Adam(params, lr=0.1)
    give_gradients(params, 0)
    arrays = [param.detach().numpy() for param in params]
    pointers = [param.data_ptr() for param in params]
    optimizer.step()
    for param, array, pointer in zip(params, arrays, pointers, strict=True):
        assert param.data_ptr() == pointer
        assert (param.detach().numpy() == array).all()


def test_a_write_by_a_step_is_found_by_the_backward_pass():
    w = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([w], lr=0.1)
    loss = (w * w).sum()
    w.grad = torch.ones(3)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def irregular(foreach):
    """Parameters of many kinds: other dtypes, complex, parts of one memory, transposed, with transposed or expanded
    gradients, and with a gradient on the memory of another parameter."""
    base = torch.arange(12.0).reshape(3, 4).clone()
    parts = [torch.nn.Parameter(base[0]), torch.nn.Parameter(base[1]), torch.nn.Parameter(base[:2, 1:])]
    plain = torch.nn.Parameter(torch.ones(4))
    others = [
        torch.nn.Parameter(torch.ones(4, 3).t()), torch.nn.Parameter(torch.ones(90, 80).t()),
        torch.nn.Parameter(torch.ones(3, dtype=torch.float64)), torch.nn.Parameter(torch.ones(2, dtype=torch.complex64)),
        torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16)), torch.nn.Parameter(torch.ones(80, 90)), plain,
        torch.nn.Parameter(torch.ones(4)), torch.nn.Parameter(torch.ones(2, 5)),
    ]
    params = parts + others
    give_gradients(params, 3)
    others[5].grad = torch.arange(7200.0).reshape(90, 80).t()
    others[7].grad = plain.detach()
    others[8].grad = torch.ones(5).expand(2, 5)
    return torch.optim.Adam(params, lr=0.1, foreach=foreach)


def test_parameters_that_a_kernel_cannot_take():
    both = irregular(None), irregular(False)
    for optimizer in both:
        for _ in range(3):
            optimizer.step()
    one, other = (optimizer.param_groups[0]["params"] for optimizer in both)
    for p, q in zip(one, other, strict=True):
        torch.testing.assert_close(p.detach(), q.detach())


@pytest.mark.parametrize("kind", [np.float32, np.float64, torch.tensor])
def test_hyper_parameters_that_are_no_plain_numbers(kind):
    both = pair("Adam", {"lr": kind(0.5), "betas": (np.float32(0.5), 0.75), "weight_decay": np.float32(0.5)})
    for optimizer in both:
        give_gradients(optimizer.param_groups[0]["params"], 0)
        optimizer.step()
    assert_same(*both)


def test_states_go_both_ways():
    together, single = pair("Adam", {"lr": 0.1, "amsgrad": True})
    for optimizer in (together, single):
        give_gradients(optimizer.param_groups[0]["params"], 0)
        optimizer.step()
    taken = copy.deepcopy(together.state_dict()), copy.deepcopy(single.state_dict())
    for given in taken:
        given["param_groups"][0]["foreach"] = None
    single.load_state_dict(taken[0])
    together.load_state_dict(taken[1])
    single.param_groups[0]["foreach"] = False
    for optimizer in (together, single):
        optimizer.step()
    assert_same(together, single)


def test_nothing_finite_is_made_of_what_is_not():
    for value in (float("inf"), float("nan")):
        for options in ({"lr": 0.0}, {"lr": 0.1, "momentum": 0.9}):
            w = torch.nn.Parameter(torch.zeros(3))
            w.grad = torch.tensor([0.0, value, 1.0])
            torch.optim.SGD([w], **options).step()
            assert w.detach().isfinite().tolist() == [True, False, True]


def test_total_norms_and_limits():
    params = parameters()
    give_gradients(params, 0)
    grads = [param.grad.clone() for param in params]
    norm = torch.nn.utils.get_total_norm(grads)
    close(norm, torch.nn.utils.get_total_norm(grads, foreach=False))
    assert norm.shape == () and norm.dtype == torch.float32
    assert torch.nn.utils.get_total_norm([torch.tensor([3.0, float("nan")])]).isnan()
    close(torch.nn.utils.clip_grad_norm_(params, 1.0), norm)
    for param, grad in zip(params, grads, strict=True):
        close(param.grad, grad / (norm + 1e-6))
    torch.nn.utils.clip_grad_value_(params, 1e-3)
    for param, grad in zip(params, grads, strict=True):
        close(param.grad, (grad / (norm + 1e-6)).clamp(-1e-3, 1e-3))


@pytest.mark.one_backend
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("factors", [(0.5, 1), (-2.0, 0.25), (0, 1), (1.5, 0)])
def test_one_pass_and_ufuncs_mix_alike(dtype, factors):
    from plugtorch_numpy.blas import axpby, blocks, by_ufuncs, flat

    dtype = np.dtype(dtype)
    x, y = np.arange(10, dtype=dtype), np.linspace(-1, 1, 10, dtype=dtype)
    expected = factors[0] * x + factors[1] * y
    for mix in (axpby(dtype), lambda *args: by_ufuncs(dtype, *args)):
        for size in (3, 10, 16):
            result = y.copy()
            for some, part in zip(blocks(flat(x), size), blocks(flat(result), size), strict=True):
                mix(part[0].size, factors[0], some, factors[1], part)
            np.testing.assert_allclose(result, expected, rtol=1e-6)
    x[3] = np.inf
    with np.errstate(invalid="ignore"):
        axpby(dtype)(10, 0.0, flat(x), 1, flat(y))
    assert np.isnan(y).tolist() == [i == 3 for i in range(10)]
