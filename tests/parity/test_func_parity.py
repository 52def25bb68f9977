"""``torch.func``, ``torch.vmap`` and forward-mode duals beside PyTorch: values, structures, exceptions."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest

import plugtorch

torch = pytest.importorskip("torch")


def plain(value):
    """Tensors as arrays, inside of any structure."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return np.asarray(value.detach().numpy()) if hasattr(value, "detach") else value


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, list):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, np.ndarray):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
    else:
        assert a == b


def outcome(function, lib):
    lib.manual_seed(0)
    try:
        return plain(function(lib))
    except Exception as error:
        return [type(error).__name__, str(error)]


def grid(t):
    return t.arange(6.0).reshape(2, 3) / 4 + 0.5


def network(t):
    t.manual_seed(0)
    return t.nn.Sequential(t.nn.Linear(3, 4), t.nn.LayerNorm(4), t.nn.SiLU(), t.nn.Linear(4, 2))


CASES = {
    "vmap of linear algebra": lambda t: [
        t.vmap(t.linalg.inv)(t.eye(3) + grid(t)[:, :, None] * grid(t)[:, None] / 9),
        t.vmap(t.linalg.solve)(t.eye(3) + grid(t)[:, :, None] * grid(t)[:, None], grid(t)),
        t.vmap(t.outer)(grid(t), grid(t)), t.vmap(t.mv, in_dims=(None, 0))(t.eye(3), grid(t)),
        t.vmap(lambda a: t.einsum("i,j->ij", a, a).trace())(grid(t)),
    ],
    "vmap of shapes": lambda t: [
        t.vmap(f, out_dims=d)(grid(t)) for d, f in (
            (0, lambda a: t.cat([a, a])), (1, lambda a: t.stack([a, a], 1)), (-1, lambda a: a.unsqueeze(0).expand(2, 3)),
            (0, lambda a: a.flip(0).roll(1)), (0, lambda a: a.split(1)[2]), (0, lambda a: a.repeat(2)), (0, t.diag),
            (0, lambda a: a.unfold(0, 2, 1)), (0, lambda a: a.as_strided((2,), (1,), 1)),
            (0, lambda a: t.tril(a[:, None] * a)),
        )
    ],
    "vmap of reductions": lambda t: [
        t.vmap(f)(grid(t)) for f in (
            lambda a: a.std(), lambda a: a.var(0), lambda a: a.max(0)[0], lambda a: a.argmax(), lambda a: a.median(),
            lambda a: a.logsumexp(0), lambda a: a.sort(descending=True)[1], lambda a: a.topk(2)[0], lambda a: a.cumsum(0),
            lambda a: a.norm(), lambda a: a.prod(), lambda a: a.any(), lambda a: a.clamp(0.6, 1).mean(),
        )
    ],
    "vmap of losses": lambda t: [
        t.vmap(lambda a, y: t.nn.functional.cross_entropy(a[None], y[None]))(grid(t), t.tensor([0, 2])),
        t.vmap(lambda a: t.nn.functional.one_hot(a, 4))(t.tensor([1, 3])),
        t.vmap(lambda a: t.nn.functional.smooth_l1_loss(a, t.ones(3)))(grid(t)),
        t.vmap(lambda a: t.nn.functional.kl_div(a.log_softmax(0), a.softmax(0)))(grid(t)),
    ],
    "vmap over indices": lambda t: [
        t.vmap(lambda a, i: a[i])(grid(t), t.tensor([0, 2])), t.vmap(lambda i: grid(t)[i])(t.tensor([1, 0])),
        t.vmap(lambda a, i: a.gather(0, i))(grid(t), t.tensor([[0, 0], [2, 1]])),
        t.vmap(lambda a, i: a.scatter(0, i, 9.0))(grid(t), t.tensor([[0], [2]])),
        t.vmap(lambda a, i: a.index_add(0, i, t.ones(2)))(grid(t), t.tensor([[0, 0], [2, 1]])),
    ],
    "vmap that writes": lambda t: [t.vmap(_writes(t))(grid(t), t.tensor([1.0, 2.0])), _argument(t)],
    "random, different": lambda t: [
        t.vmap(lambda a: a + t.randn(30), randomness="different")(t.zeros(2, 30)),
        t.vmap(lambda a: t.randperm(4), randomness="different")(t.zeros(2, 3)),
        t.vmap(lambda a: t.rand_like(a), randomness="different")(t.zeros(2, 3)),
        t.vmap(lambda a: t.bernoulli(a + 0.5), randomness="different")(t.zeros(2, 9)),
        t.vmap(lambda a: t.multinomial(a + 1, 2), randomness="different")(t.zeros(2, 3)),
        t.vmap(lambda a: t.nn.functional.dropout(a, 0.5), randomness="different")(t.ones(2, 9)),
    ],
    "random, same": lambda t: [
        t.vmap(lambda a: a + t.randn(30), randomness="same")(t.zeros(2, 30)),
        t.vmap(lambda a: t.nn.functional.dropout(a, 0.5), randomness="same")(t.ones(2, 9)),
        t.vmap(lambda a: a.clone().uniform_(), randomness="same")(t.ones(2, 9)),
    ],
    "derivatives of a network": lambda t: _derivatives(t, network(t)),
    "per-sample gradients": lambda t: _per_sample(t),
    "an ensemble": lambda t: _ensemble(t),
    "duals": lambda t: _duals(t),
    "rearrange": lambda t: [t.func.rearrange(grid(t), "a (b c) -> c a b", c=3),
                            t.func.rearrange(grid(t), "... a -> a ...")],
}


def _writes(t):
    def f(a, b):
        c = a.clone()
        c[1] = b
        c[t.tensor([0, 2])] = 7.0
        c[0:1] *= b
        c.view(3, 1).add_(1)
        return c

    return f


def _argument(t):
    x = grid(t)
    return [t.vmap(lambda a: a.add_(1), in_dims=1)(x), x]


def _derivatives(t, net):
    f, x = t.func, grid(t)
    return [
        f.jacrev(net)(x[0]), f.jacfwd(net)(x[0]), f.hessian(lambda a: net(a).sum())(x[0]), f.vmap(f.jacfwd(net))(x),
        f.vmap(f.hessian(lambda a: net(a).prod()))(x), f.jvp(net, (x,), (x,)), f.linearize(net, x)[1](x),
        f.vjp(net, x)[1](t.ones(2, 2)),
    ]


def _per_sample(t):
    net = network(t)
    params = {k: v.detach() for k, v in net.named_parameters()}

    def loss(p, a, y):
        return t.nn.functional.cross_entropy(t.func.functional_call(net, p, (a[None],)), y[None])

    return t.vmap(t.func.grad_and_value(loss), in_dims=(None, 0, 0))(params, grid(t), t.tensor([0, 1]))


def _ensemble(t):
    t.manual_seed(0)
    nets = [t.nn.Linear(3, 2) for _ in range(3)]
    params, buffers = t.func.stack_module_state(nets)
    out = t.vmap(lambda p, b, x: t.func.functional_call(nets[0], (p, b), (x,)), in_dims=(0, 0, None))(
        params, buffers, grid(t))
    return [out, params]


def _duals(t):
    forward = importlib.import_module(f"{t.__name__}.autograd.forward_ad")
    with forward.dual_level():
        x = forward.make_dual(grid(t), grid(t) ** 2)
        y = network(t)(x)
        z = t.zeros(2, 3)
        z[1] = x[0]
        return [list(forward.unpack_dual(v)) for v in (y, z, x.t() @ x, x.softmax(0).log(), x.detach(), x[0])]


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    got = outcome(CASES[name], plugtorch)
    same(got, outcome(CASES[name], torch))
    assert not (got and isinstance(got[0], str)), got


ERRORS = {
    "sizes": lambda t: t.vmap(t.add)(grid(t), t.ones(3, 3)),
    "0-d": lambda t: t.vmap(t.sum)(t.tensor(1.0)),
    "nothing mapped": lambda t: t.vmap(t.add, in_dims=(None, None))(grid(t), grid(t)),
    "in_dims list": lambda t: t.vmap(t.add, in_dims=[0, 0])(grid(t), grid(t)),
    "in_dims structure": lambda t: t.vmap(t.add, in_dims=(0,))(grid(t), grid(t)),
    "in_dims kind": lambda t: t.vmap(t.add, in_dims=(0, "a"))(grid(t), grid(t)),
    "in_dims range": lambda t: t.vmap(t.add, in_dims=(0, 5))(grid(t), grid(t)),
    "out_dims range": lambda t: t.vmap(lambda a: a, out_dims=5)(grid(t)),
    "out_dims structure": lambda t: t.vmap(lambda a: a, out_dims=(0, 0))(grid(t)),
    "out_dims None": lambda t: t.vmap(lambda a: a, out_dims=None)(grid(t)),
    "out_dims kind": lambda t: t.vmap(lambda a: a, out_dims="a")(grid(t)),
    "no tensor returned": lambda t: t.vmap(lambda a: 1)(grid(t)),
    "number mapped": lambda t: t.vmap(lambda a, b: a)(grid(t), 1),
    "no arguments": lambda t: t.vmap(t.add)(),
    "randomness": lambda t: t.vmap(lambda a: a, randomness="foo")(grid(t)),
    "chunk_size": lambda t: t.vmap(lambda a: a, chunk_size=0)(grid(t)),
    "item": lambda t: t.vmap(lambda a: a.sum().item())(grid(t)),
    "control flow": lambda t: t.vmap(lambda a: a if a.sum() > 1 else -a)(grid(t)),
    "nonzero": lambda t: t.vmap(lambda a: a.nonzero())(grid(t)),
    "mask": lambda t: t.vmap(lambda a: a[a > 1])(grid(t)),
    "refused randomness": lambda t: t.vmap(lambda a: t.rand(3))(grid(t)),
    "unbatched in place": lambda t: t.vmap(lambda a: t.zeros(3).uniform_(), randomness="different")(grid(t)),
    "write outside": lambda t: t.vmap(lambda a, b: b.copy_(a), in_dims=(0, None))(grid(t), t.ones(3)),
    "grad of a vector": lambda t: t.func.grad(lambda a: a)(grid(t)),
    "grad of no tensor": lambda t: t.func.grad(lambda a: 1.0)(grid(t)),
    "argnums range": lambda t: t.func.grad(lambda a: a.sum(), argnums=3)(grid(t)),
    "argnums empty": lambda t: t.func.grad(lambda a: a.sum(), argnums=())(grid(t)),
    "argnums kind": lambda t: t.func.grad(lambda a: a.sum(), argnums="a")(grid(t)),
    "grad by a number": lambda t: t.func.grad(lambda a: a.sum())(1.0),
    "grad by integers": lambda t: t.func.grad(lambda a: a.sum())(t.tensor([1])),
    "vjp structure": lambda t: t.func.vjp(lambda a: (a, a), grid(t))[1](grid(t)),
    "vjp shape": lambda t: t.func.vjp(lambda a: a, grid(t))[1](t.ones(3)),
    "jvp tuple": lambda t: t.func.jvp(lambda a: a, grid(t), grid(t)),
    "jvp structure": lambda t: t.func.jvp(lambda a: a, (grid(t),), (grid(t), grid(t))),
    "jvp shape": lambda t: t.func.jvp(lambda a: a, (grid(t),), (t.ones(3),)),
    "jacrev output": lambda t: t.func.jacrev(lambda a: 1)(grid(t)),
    "linearize shape": lambda t: t.func.linearize(lambda a: a.sin(), grid(t))[1](t.ones(3)),
    "functionalize": lambda t: t.func.functionalize(lambda a: a, remove="x")(grid(t)),
    "strict": lambda t: t.func.functional_call(t.nn.Linear(3, 2), {"weight": t.ones(2, 3)}, (grid(t),), strict=True),
    "two dictionaries": lambda t: t.func.functional_call(t.nn.Linear(3, 2), [{"bias": grid(t)}] * 2, (grid(t),)),
    "no models": lambda t: t.func.stack_module_state([]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    got, expected = outcome(ERRORS[name], plugtorch), outcome(ERRORS[name], torch)
    assert isinstance(expected[0], str)
    assert got == expected


def test_names_and_signatures():
    names = {n for n in torch.func.__dict__ if not n.startswith("_")}
    public = {n for n in names if callable(getattr(torch.func, n))}
    assert public == set(plugtorch.func.__all__)
    for name in public:
        theirs = inspect.signature(getattr(torch.func, name)).parameters
        ours = inspect.signature(getattr(plugtorch.func, name)).parameters
        assert [(n, p.kind) for n, p in ours.items()] == [(n, p.kind) for n, p in theirs.items()], name
