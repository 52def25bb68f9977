"""Random functions, in-place fills and dropout give PyTorch's values from the same seed."""

from __future__ import annotations

import numpy as np
import pytest

import plugtorch
from plugtorch.frontend.nn import functional as G

torch = pytest.importorskip("torch")

F = pytest.importorskip("torch.nn.functional")


def host(t):
    t = t.detach()
    return (t.float() if str(t.dtype).endswith("bfloat16") else t).numpy()


def same(function, seed=3, exact=True):
    """Runs ``function(module, nn_functional)`` on both libraries: equal values, layout and position of the stream."""
    torch.manual_seed(seed)
    plugtorch.manual_seed(seed)
    want, have = function(torch, F), function(plugtorch, G)
    assert str(want.dtype).split(".")[1] == have.dtype.name
    assert tuple(want.shape) == tuple(have.shape)
    if have.backend == "numpy":  # others have no results with strides
        assert want.stride() == have.stride()
    if exact:
        np.testing.assert_array_equal(host(have), host(want))
    else:
        np.testing.assert_allclose(host(have), host(want), rtol=1e-6)
    assert torch.get_rng_state().numpy().tobytes() == plugtorch.get_rng_state().numpy().tobytes()


FILLS = {
    "uniform_": lambda x: x.uniform_(-1, 2), "normal_": lambda x: x.normal_(1, 2), "random_": lambda x: x.random_(),
    "random_to": lambda x: x.random_(7), "random_between": lambda x: x.random_(2, 9),
    "bernoulli_": lambda x: x.bernoulli_(0.3), "exponential_": lambda x: x.exponential_(2.0),
    "geometric_": lambda x: x.geometric_(0.3), "cauchy_": lambda x: x.cauchy_(1.0, 2.0),
    "log_normal_": lambda x: x.log_normal_(0.1, 0.5),
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("name", sorted(FILLS))
def test_fill(name, dtype):
    for shape in ((5,), (6, 7), ()):
        same(lambda m, f, s=shape: FILLS[name](m.zeros(s, dtype=getattr(m, dtype))))


@pytest.mark.parametrize("name", sorted(FILLS))
def test_fill_of_views_goes_in_memory_order(name):
    def transposed(m, f):
        x = m.zeros(5, 8)
        FILLS[name](x.t())
        return x

    def stepped(m, f):
        x = m.zeros(5, 8)
        FILLS[name](x[:, ::2])
        return x

    def permuted(m, f):
        x = m.zeros(3, 4, 5)
        FILLS[name](x.permute(2, 0, 1)[1:])
        return x

    for case in (transposed, stepped, permuted):
        same(case)


CASES = {
    "rand": lambda m, f: m.rand(3, 4),
    "rand size": lambda m, f: m.rand(size=(3, 4), dtype=m.float64),
    "rand complex": lambda m, f: m.rand(5, dtype=m.complex64),
    "rand out": lambda m, f: m.rand(3, 4, out=m.empty(3, 4, dtype=m.float64)),
    "rand out transposed": lambda m, f: m.rand(3, 4, out=m.empty(4, 3).t()),
    "randn": lambda m, f: m.randn((5, 7)),
    "randint": lambda m, f: m.randint(10, (20,)),
    "randint both": lambda m, f: m.randint(-3, 10, (20,), dtype=m.int16),
    "randint keywords": lambda m, f: m.randint(low=2, high=5, size=[4]),
    "randperm": lambda m, f: m.randperm(50),
    "rand_like": lambda m, f: m.rand_like(m.ones(4, 5).t()),
    "randn_like": lambda m, f: m.randn_like(m.ones(4, 5).t()),
    "randn_like contiguous": lambda m, f: m.randn_like(m.ones(8, 5), dtype=m.float64),
    "randint_like": lambda m, f: m.randint_like(m.ones(4, 5), 2, 9),
    "normal": lambda m, f: m.normal(1.0, 2.0, (20,)),
    "normal tensors": lambda m, f: m.normal(m.arange(20.0), m.ones(3, 1) * 2),
    "normal tensor float": lambda m, f: m.normal(m.arange(20.0), 2.0),
    "normal float tensor": lambda m, f: m.normal(2.0, m.arange(5.0)),
    "normal half": lambda m, f: m.normal(m.ones(20).half(), m.ones(20).half() * 3),
    "normal two dtypes": lambda m, f: m.normal(m.zeros(20), m.ones(20, dtype=m.float64)),
    "bernoulli": lambda m, f: m.bernoulli(m.ones(4, 3).t() * 0.3),
    "bernoulli p": lambda m, f: m.bernoulli(m.ones(4, 3).t(), 0.4),
    "bernoulli_ tensor": lambda m, f: m.ones(4, 3).t().bernoulli_(m.linspace(0, 1, 4)),
    "bernoulli_ double": lambda m, f: m.ones(4, 3, dtype=m.int64).bernoulli_(m.full((3,), 0.3, dtype=m.float64)),
    "poisson": lambda m, f: m.poisson(m.arange(30.0).reshape(5, 6).t()),
    "binomial": lambda m, f: m.binomial(m.full((20,), 30.0), m.linspace(0, 1, 20)),
    "gamma": lambda m, f: m._standard_gamma(m.arange(1.0, 21.0) / 8),
    "multinomial": lambda m, f: m.multinomial(m.arange(1.0, 9.0), 4),
    "multinomial replacement": lambda m, f: m.arange(1.0, 9.0).multinomial(40, replacement=True),
    "generator": lambda m, f: m.rand(5, generator=m.Generator().manual_seed(9)),
}
CASES.update({
    f"{name} {p} {dtype}": lambda m, f, name=name, p=p, dtype=dtype: getattr(f, name)(
        m.arange(1, 121, dtype=getattr(m, dtype)).reshape(2, 3, 4, 5), p, True)
    for name in ("dropout", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout") for p in (0.3, 1.0)
    for dtype in ("float32", "float64", "float16", "bfloat16")
})
CASES.update({
    "dropout transposed": lambda m, f: f.dropout(m.arange(1.0, 61.0).reshape(5, 12).t(), 0.4),
    "dropout1d": lambda m, f: f.dropout1d(m.arange(1.0, 61.0).reshape(5, 12), 0.4),
    "dropout1d batch": lambda m, f: f.dropout1d(m.arange(1.0, 61.0).reshape(3, 5, 4), 0.4),
    "dropout2d 3-d": lambda m, f: f.dropout2d(m.arange(1.0, 61.0).reshape(3, 5, 4), 0.4),
    "dropout in place": lambda m, f: f.dropout(m.arange(1.0, 61.0), 0.4, True, True),
    "rrelu": lambda m, f: f.rrelu(m.arange(-30.0, 30.0), training=True),
    "rrelu half": lambda m, f: f.rrelu(m.arange(-30.0, 30.0).bfloat16(), training=True),
    "rrelu in place": lambda m, f: f.rrelu(m.arange(-30.0, 30.0), training=True, inplace=True),
    "torch.dropout": lambda m, f: m.dropout(m.ones(20), 0.4, True),
})


@pytest.mark.filterwarnings("ignore:dropout")
@pytest.mark.parametrize("case", sorted(CASES))
def test_function(case):
    same(CASES[case])


def test_gumbel_softmax():
    same(lambda m, f: f.gumbel_softmax(m.arange(12.0).reshape(3, 4), tau=0.7), exact=False)
    same(lambda m, f: f.gumbel_softmax(m.arange(12.0).reshape(3, 4), hard=True), exact=False)


def test_gradients_of_dropout():
    def grad(m, f):
        x = m.arange(1.0, 61.0).requires_grad_()
        (f.dropout(x, 0.4) * m.arange(60.0)).sum().backward()
        return x.grad

    def alpha(m, f):
        x = m.arange(1.0, 61.0).requires_grad_()
        f.alpha_dropout(x, 0.4, True).sum().backward()
        return x.grad

    def rrelu(m, f):
        x = m.arange(-30.0, 30.0).requires_grad_()
        f.rrelu(x, training=True).sum().backward()
        return x.grad

    for case in (grad, alpha, rrelu):
        same(case)


def test_random_values_have_zero_gradients():
    def fill(m, f):
        x = m.ones(5, requires_grad=True)
        (x.clone().uniform_() * x).sum().backward()
        return x.grad

    def bernoulli(m, f):
        x = m.full((5,), 0.5, requires_grad=True)
        (m.bernoulli(x) + x).sum().backward()
        return x.grad

    def normal(m, f):
        mean, std = m.zeros(3, 1, requires_grad=True), m.ones(4, requires_grad=True)
        m.normal(mean, std).sum().backward()
        return m.cat([mean.grad.reshape(-1), std.grad])

    for case in (fill, bernoulli, normal):
        same(case)


ERRORS = {
    "negative size": lambda m, f: m.rand(-1),
    "integer rand": lambda m, f: m.rand(3, dtype=m.int32),
    "integer randn": lambda m, f: m.randn(3, dtype=m.int64),
    "float size": lambda m, f: m.rand(2.5),
    "float in size": lambda m, f: m.rand((2, 2.5)),
    "empty range": lambda m, f: m.randint(5, 5, (2,)),
    "randperm float": lambda m, f: m.randperm(2.5),
    "randperm overflow": lambda m, f: m.randperm(300, dtype=m.int8),
    "out dtype": lambda m, f: m.rand(3, out=m.empty(3, dtype=m.float64), dtype=m.float32),
    "out grad": lambda m, f: m.rand(3, out=m.ones(3, requires_grad=True)),
    "negative std": lambda m, f: m.normal(0.0, -1.0, (2,)),
    "negative std tensor": lambda m, f: m.normal(m.zeros(3), -m.ones(3)),
    "bernoulli int": lambda m, f: m.bernoulli(m.ones(3, dtype=m.int64)),
    "bernoulli p": lambda m, f: m.ones(3).bernoulli_(1.5),
    "bernoulli expand": lambda m, f: m.ones(3).bernoulli_(m.ones(2)),
    "uniform order": lambda m, f: m.ones(3).uniform_(2, 1),
    "leaf": lambda m, f: m.ones(3, requires_grad=True).uniform_(),
    "expanded": lambda m, f: m.ones(3).expand(4, 3).uniform_(),
    "multinomial list": lambda m, f: m.multinomial([1.0], 2),
    "multinomial out": lambda m, f: m.multinomial(m.ones(3), 2, out=m.empty(0)),
    "seed range": lambda m, f: m.manual_seed(2**64),
    "state dtype": lambda m, f: m.set_rng_state(m.zeros(5)),
    "dropout p": lambda m, f: f.dropout(m.ones(3), 1.5),
    "torch.dropout p": lambda m, f: m.dropout(m.ones(3), 1.5, True),
    "dropout int": lambda m, f: f.dropout(m.ones(3, dtype=m.int64)),
    "dropout leaf": lambda m, f: f.dropout(m.ones(3, requires_grad=True), inplace=True),
    "dropout1d": lambda m, f: f.dropout1d(m.ones(3)),
    "feature": lambda m, f: f.feature_alpha_dropout(m.ones(3), 0.5, True),
    "rrelu bounds": lambda m, f: f.rrelu(m.ones(3), 0.5, 0.1),
    "rrelu half": lambda m, f: f.rrelu(m.ones(3).half(), training=True),
}


@pytest.mark.parametrize("case", sorted(ERRORS))
def test_errors(case):
    with pytest.raises(Exception) as want:  # noqa: B017  (the type is compared below)
        ERRORS[case](torch, F)
    with pytest.raises(type(want.value)) as have:
        ERRORS[case](plugtorch, G)
    said, expected = str(have.value), str(want.value).split("  (Could this")[0]
    assert said.split("(")[0].strip() == expected.split("(")[0].strip()


def test_fork_rng_and_state():
    plugtorch.manual_seed(1)
    before = plugtorch.rand(3).tolist()
    plugtorch.manual_seed(1)
    with plugtorch.random.fork_rng():
        plugtorch.rand(100)
    assert plugtorch.rand(3).tolist() == before
    plugtorch.set_rng_state(plugtorch.tensor(torch.manual_seed(5).get_state().numpy()))
    assert plugtorch.rand(3).tolist() == torch.rand(3).tolist()
    assert plugtorch.manual_seed("3").initial_seed() == 3
