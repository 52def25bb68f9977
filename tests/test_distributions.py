"""Distributions by what must hold of them: densities that sum to one, moments, gradients of samples, inverses, expansion."""

from __future__ import annotations

import math

import numpy as np
import pytest

import plugtorch as torch
from plugtorch import distributions as D  # noqa: N812
from plugtorch.distributions import constraints
from plugtorch.frontend.distributions.implicit_gradients import _dirichlet_grad, _standard_gamma_grad


def tensor(values, **kwargs):
    return torch.tensor(values, dtype=torch.float64, **kwargs)


def host(t):
    return np.asarray(t.detach().cpu().numpy())


CONTINUOUS = {
    "normal": lambda: D.Normal(tensor(0.3), tensor(1.2)), "laplace": lambda: D.Laplace(tensor(0.3), tensor(0.7)),
    "gumbel": lambda: D.Gumbel(tensor(-0.5), tensor(0.8)), "student": lambda: D.StudentT(tensor(9.0)),
    "log normal": lambda: D.LogNormal(tensor(0.1), tensor(0.4)), "gamma": lambda: D.Gamma(tensor(2.5), tensor(1.5)),
    "inverse gamma": lambda: D.InverseGamma(tensor(9.0), tensor(4.0)),
    "weibull": lambda: D.Weibull(tensor(1.0), tensor(2.0)),
    "half normal": lambda: D.HalfNormal(tensor(1.3)), "kumaraswamy": lambda: D.Kumaraswamy(tensor(2.0), tensor(3.0)),
    "beta": lambda: D.Beta(tensor(2.0), tensor(3.5)), "uniform": lambda: D.Uniform(tensor(-1.0), tensor(2.5)),
    "generalised pareto": lambda: D.GeneralizedPareto(tensor(0.5), tensor(1.0), tensor(-0.4)),
    "continuous bernoulli": lambda: D.ContinuousBernoulli(tensor(0.3)), "chi2": lambda: D.Chi2(tensor(5.0)),
    "continuous bernoulli near one half": lambda: D.ContinuousBernoulli(tensor(0.4999)),
    "von mises": lambda: D.VonMises(tensor(0.3), tensor(2.0)), "fisher": lambda: D.FisherSnedecor(tensor(6.0), tensor(14.0)),
}
RANGE = {"normal": (-12, 12), "laplace": (-25, 25), "gumbel": (-2.6, 14), "student": (-60, 60),
         "von mises": (-math.pi, math.pi), "uniform": (-1, 2.5), "beta": (0, 1), "kumaraswamy": (0, 1),
         "continuous bernoulli": (0, 1), "continuous bernoulli near one half": (0, 1), "generalised pareto": (0.5, 3.0)}


@pytest.mark.parametrize("name", sorted(CONTINUOUS))
def test_densities_and_moments_by_integration(name, backend):
    """Midpoint sums of the density, and of its first two moments and its logarithm."""
    dist = CONTINUOUS[name]()
    low, high = RANGE.get(name, (0, 80))
    n = 200_000
    x = low + (high - low) * (np.arange(n) + 0.5) / n
    x_t = tensor(x)
    log_density = host(dist.log_prob(x_t))
    weights = np.exp(log_density) * (high - low) / n
    np.testing.assert_allclose(weights.sum(), 1, rtol=2e-4)
    if name == "von mises":
        np.testing.assert_allclose(1 - (weights * np.cos(x - 0.3)).sum(), host(dist.variance), rtol=1e-4)
        return
    np.testing.assert_allclose((weights * x).sum(), host(dist.mean), rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose((weights * (x - host(dist.mean)) ** 2).sum(), host(dist.variance), rtol=5e-3)
    if name != "fisher":
        finite = np.where(weights > 0, log_density, 0)
        np.testing.assert_allclose(-(weights * finite).sum(), host(dist.entropy()), rtol=1e-3, atol=1e-4)
    try:
        cdf = dist.cdf(x_t[n // 20:: n // 10])
    except NotImplementedError:
        return
    np.testing.assert_allclose(np.cumsum(weights)[n // 20:: n // 10], host(cdf), atol=2e-4)


def test_discrete_probabilities_sum_to_one(backend):
    k = tensor(np.arange(400.0))
    for dist in (D.Poisson(tensor(7.0)), D.Geometric(tensor(0.2)), D.NegativeBinomial(tensor(3.5), tensor(0.6))):
        p = dist.log_prob(k).exp()
        np.testing.assert_allclose(host(p.sum()), 1, rtol=1e-9)
        np.testing.assert_allclose(host((p * k).sum()), host(dist.mean), rtol=1e-7)
        np.testing.assert_allclose(host((p * (k - dist.mean) ** 2).sum()), host(dist.variance), rtol=1e-6)
    probs = tensor([0.3, 0.8])
    for dist in (D.Binomial(9, probs), D.Bernoulli(probs), D.Categorical(tensor([[1.0, 2, 3]] * 2))):
        values = dist.enumerate_support()
        p = dist.log_prob(values).exp()
        np.testing.assert_allclose(host(p.sum(0)), [1, 1], rtol=1e-9)
        np.testing.assert_allclose(host(-(p * p.log()).sum(0)), host(dist.entropy()), rtol=1e-6)


@pytest.mark.parametrize("name", ["gamma", "beta", "student", "von mises", "gumbel", "inverse gamma"])
def test_moments_of_samples(name, backend):
    torch.manual_seed(1)
    dist = CONTINUOUS[name]()
    sample = host(dist.sample((4000,)))
    if name == "von mises":
        assert abs((1 - np.cos(sample - 0.3)).mean() - host(dist.variance)) < 0.02
        return
    assert abs(sample.mean() - host(dist.mean)) < 5 * math.sqrt(host(dist.variance) / 4000)


def test_derivatives_of_gamma_samples(backend):
    """Against differences of quantiles, found on the incomplete gamma function with Newton's method."""
    alpha, z = (g.ravel() for g in np.meshgrid([0.05, 0.8, 3.0, 40.0, 900.0], [0.1, 0.5, 1.0, 1.6]))
    z = z * alpha
    h = 1e-4 * alpha

    def quantile(a, p, x):
        for _ in range(60):
            f = host(torch.special.gammainc(tensor(a), tensor(x))) - p
            step = f / np.maximum(np.exp(host(D.Gamma(tensor(a), 1.0).log_prob(tensor(x)))), 1e-300)
            x = np.clip(x - step, x / 2, x * 2)
        return x

    p = host(torch.special.gammainc(tensor(alpha), tensor(z)))
    want = (quantile(alpha + h, p, z) - quantile(alpha - h, p, z)) / (2 * h)
    have = host(_standard_gamma_grad(tensor(alpha), tensor(z)))
    inside = (p > 1e-6) & (p < 1 - 1e-6)
    assert inside.sum() > 12
    np.testing.assert_allclose(have[inside], want[inside], rtol=1e-4)


def test_derivatives_of_beta_samples(backend):
    """``x^a`` is uniform for b = 1 and ``(1 - x)^b`` for a = 1: there the derivatives are known."""
    x = tensor([0.05, 0.3, 0.77, 0.999])
    for a in (0.2, 1.0, 7.0, 60.0):
        own = _dirichlet_grad(x, tensor([a] * 4), tensor([a + 1.0] * 4))
        np.testing.assert_allclose(host(own * (1 - x)), host(-x * x.log() / a), rtol=1e-7)
        other = _dirichlet_grad(1 - x, tensor([a] * 4), tensor([a + 1.0] * 4)) * x  # of 1 - x in b
        np.testing.assert_allclose(host(other), host(-(1 - x) * (1 - x).log() / a), rtol=1e-7)


def test_gradients_flow_through_means_of_samples(backend):
    """The derivative of E[x] is that of the mean: samples of one seed, many of them."""
    torch.manual_seed(4)
    for make, values in ((D.Gamma, (2.5, 1.5)), (D.Beta, (2.0, 3.0))):
        parameters = [tensor(v, requires_grad=True) for v in values]
        have = torch.autograd.grad(make(*parameters).rsample((3000,)).mean(), parameters)
        want = torch.autograd.grad(make(*parameters).mean, parameters)
        np.testing.assert_allclose([host(h) for h in have], [host(w) for w in want], rtol=0.12)


def test_wishart_samples_have_gradients(backend):
    def draw(df, scale):
        torch.manual_seed(2)
        return D.Wishart(df, scale_tril=scale.tril()).rsample((2,)).sum()

    df, scale = tensor(5.0, requires_grad=True), tensor([[1.0, 0.0], [0.4, 0.9]], requires_grad=True)
    (_, by_scale) = torch.autograd.grad(draw(df, scale), (df, scale))
    step = tensor([[0.0, 0.0], [1e-6, 0.0]])
    with torch.no_grad():
        want = (draw(df, scale + step) - draw(df, scale - step)) / 2e-6
    np.testing.assert_allclose(host(by_scale[1, 0]), host(want), rtol=1e-5)


@pytest.mark.parametrize(("p", "q"), [
    (lambda: D.Gamma(tensor(2.0), tensor(1.0)), lambda: D.Gumbel(tensor(0.5), tensor(2.0))),
    (lambda: D.Normal(tensor(0.2), tensor(0.8)), lambda: D.Laplace(tensor(-0.3), tensor(1.5))),
    (lambda: D.Uniform(tensor(0.2), tensor(0.9)), lambda: D.Beta(tensor(2.0), tensor(3.0))),
    (lambda: D.Beta(tensor(2.0), tensor(3.0)), lambda: D.Gamma(tensor(2.0), tensor(3.0))),
    (lambda: D.Pareto(tensor(1.0), tensor(6.0)), lambda: D.Gamma(tensor(2.0), tensor(1.0))),
    (lambda: D.Dirichlet(tensor([1.0, 2.0, 3.0])), lambda: D.Dirichlet(tensor([2.0, 2.0, 0.7]))),
    (lambda: D.MultivariateNormal(tensor([0.0, 1.0]), tensor([[1.0, 0.3], [0.3, 2.0]])),
     lambda: D.LowRankMultivariateNormal(tensor([0.5, 0.0]), tensor([[1.0], [0.5]]), tensor([1.0, 0.7]))),
])
def test_divergences_are_means_of_log_ratios(p, q, backend):
    torch.manual_seed(0)
    p, q = p(), q()
    x = p.sample((3000,))
    ratio = host(p.log_prob(x) - q.log_prob(x))
    assert abs(ratio.mean() - host(D.kl_divergence(p, q))) < 5 * ratio.std() / math.sqrt(len(ratio))


@pytest.mark.one_backend
def test_nearest_registered_divergence_is_taken(backend):
    class Mine(D.Normal):
        pass

    assert D.kl_divergence(Mine(0.0, 1.0), D.Normal(0.0, 1.0)) == 0

    @D.register_kl(Mine, D.Normal)
    def _mine(p, q):
        return "mine"

    from plugtorch.frontend.distributions import kl

    try:
        assert D.kl_divergence(Mine(0.0, 1.0), D.Normal(0.0, 1.0)) == "mine"
    finally:
        del kl._KL_REGISTRY[Mine, D.Normal]
        kl._KL_MEMOIZE.clear()


def test_unconstrained_parameters_round_trip(backend):
    for constraint in (constraints.positive, constraints.unit_interval, constraints.interval(-1.0, 3.0), constraints.simplex,
                       constraints.corr_cholesky, constraints.less_than(2.0)):
        transform = D.biject_to(constraint)
        x = tensor([[0.3, -0.8, 1.1]])
        y = transform(x)
        assert constraint.check(y).all()
        np.testing.assert_allclose(host(transform.inv(y)), host(x), rtol=1e-7)


def test_jacobians_of_transforms(backend):
    """The log determinant against the Jacobian by differences."""
    for transform, square in ((D.StickBreakingTransform(), lambda y: y[:-1]), (D.ExpTransform(), lambda y: y),
                              (D.ComposeTransform([D.TanhTransform(), D.AffineTransform(1.0, 3.0)]), lambda y: y)):
        x = tensor([0.2, -0.7])
        columns = [host(square(transform(x + d)) - square(transform(x - d))) / 2e-5
                   for d in (tensor([1e-5, 0.0]), tensor([0.0, 1e-5]))]
        want = np.log(abs(np.linalg.det(np.stack(columns, -1))))
        np.testing.assert_allclose(host(transform.log_abs_det_jacobian(x, transform(x)).sum()), want, rtol=1e-6)


def test_a_cached_inverse_is_the_argument_itself(backend):
    transform = D.SigmoidTransform(cache_size=1)
    x = tensor([0.2, 3.0])
    y = transform(x)
    assert transform.inv(y) is x and transform(x) is y
    assert transform.inv.inv is transform


def test_expand_keeps_values_and_types(backend):
    for name, make in CONTINUOUS.items():
        dist = make()
        wide = dist.expand((2, 3))
        assert type(wide) is type(dist) and tuple(wide.batch_shape) == (2, 3), name
        assert tuple(wide.sample((4,)).shape) == (4, 2, 3)
        np.testing.assert_allclose(host(wide.mean), np.broadcast_to(host(dist.mean), (2, 3)))


def test_a_subclass_with_its_own_constructor_must_expand_itself(backend):
    class Shifted(D.Normal):
        def __init__(self, shift):
            super().__init__(shift, 1.0)

    with pytest.raises(NotImplementedError, match="Subclass Shifted of Normal that defines a custom __init__ method"):
        Shifted(0.0).expand((2,))


@pytest.mark.one_backend
def test_validation_can_be_turned_off(backend):
    assert math.isnan(D.Normal(0.0, -1.0, validate_args=False).entropy())
    D.Distribution.set_default_validate_args(False)
    try:
        D.Exponential(-1.0)
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="Expected parameter rate"):
        D.Exponential(-1.0)


def test_a_distribution_stays_on_the_backend_of_its_parameters(backend):
    loc, other = tensor([0.5, 1.0]), next(n for n in ("numpy", "jax") if n != backend)
    if other not in torch.available_backends():
        other = backend
    torch.set_backend(other)
    for dist in (D.Normal(loc, 1.0), D.Gamma(loc, 2.0), D.Categorical(loc), D.Gumbel(loc, 1.0), D.Laplace(0.0, loc),
                 D.VonMises(loc, 1.0), D.Beta(loc, 1.0), D.StudentT(loc)):
        assert dist.sample((2,)).backend == backend
        assert dist.log_prob(dist.sample()).backend == backend


def test_learning_a_normal_distribution(backend):
    """The evidence lower bound's gradient, as a variational method takes it, leads to the posterior."""
    torch.manual_seed(0)
    loc, rho = tensor(0.0, requires_grad=True), tensor(0.0, requires_grad=True)
    optimizer = torch.optim.Adam([loc, rho], lr=0.1)
    target = D.Normal(tensor(1.5), tensor(0.5))
    for _ in range(150):
        optimizer.zero_grad()
        q = D.Normal(loc, rho.exp())
        z = q.rsample((16,))
        (q.log_prob(z) - target.log_prob(z)).mean().backward()
        optimizer.step()
    assert abs(loc.item() - 1.5) < 0.15 and abs(rho.exp().item() - 0.5) < 0.15
