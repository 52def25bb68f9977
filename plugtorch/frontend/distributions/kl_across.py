"""Divergences of distributions of two families: the mean of q's log density under p, and p's entropy. Infinite where p gives
weight to what q does not."""

from __future__ import annotations

import math

from plugtorch.frontend import functions as fn

from .bernoulli import Bernoulli
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Beta
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .kl import infinite_like, register_kl
from .laplace import Laplace
from .normal import Normal
from .parameters import euler_constant
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform

_LOG_2PI = math.log(2 * math.pi)

# Pairs whose divergence is infinite, whatever the parameters.
INFINITE = (
    (Beta, Pareto), (ContinuousBernoulli, Pareto), (Exponential, Beta), (Exponential, ContinuousBernoulli),
    (Exponential, Pareto), (Exponential, Uniform), (Gamma, Beta), (Gamma, ContinuousBernoulli), (Gamma, Pareto),
    (Gamma, Uniform), (Gumbel, Beta), (Gumbel, ContinuousBernoulli), (Gumbel, Exponential), (Gumbel, Gamma),
    (Gumbel, Pareto), (Gumbel, Uniform), (Laplace, Beta), (Laplace, ContinuousBernoulli), (Laplace, Exponential),
    (Laplace, Gamma), (Laplace, Pareto), (Laplace, Uniform), (Normal, Beta), (Normal, ContinuousBernoulli),
    (Normal, Exponential), (Normal, Gamma), (Normal, Pareto), (Normal, Uniform), (Pareto, Beta),
    (Pareto, ContinuousBernoulli), (Pareto, Uniform), (Poisson, Bernoulli), (Poisson, Binomial),
)


def _size_of(p):
    """A parameter of p, of the batch's shape."""
    for name in ("concentration1", "probs", "rate", "loc", "scale"):
        if hasattr(p, name):
            return getattr(p, name)
    raise TypeError(f"{type(p).__name__} has no parameter to take a shape from")


for _p, _q in INFINITE:
    register_kl(_p, _q)(lambda p, q: infinite_like(_size_of(p)))


def _cross_exponential(p, q):
    """The mean of ``-log q(x)`` for exponential q."""
    return -q.rate.log() + q.rate * p.mean


def _cross_normal(p, q):
    """The mean of ``-log q(x)`` for normal q."""
    return 0.5 * ((p.variance + (p.mean - q.loc).pow(2)) / q.scale.pow(2) + _LOG_2PI) + q.scale.log()


def _cross_gamma(p, q, mean_log):
    """The mean of ``-log q(x)`` for gamma q."""
    return (fn.lgamma(q.concentration) - q.concentration * q.rate.log() - (q.concentration - 1) * mean_log
            + q.rate * p.mean)


def _mean_log_beta(p):
    return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()


def _outside(condition, result):
    return fn.where(condition, math.inf, result)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p, q):
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, ContinuousBernoulli)
def _beta_continuous_bernoulli(p, q):
    return -p.entropy() - p.mean * q.logits - fn.log1p(-q.probs) - q._cont_bern_log_norm()


@register_kl(Beta, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
@register_kl(Pareto, Exponential)
def _to_exponential(p, q):
    return -p.entropy() + _cross_exponential(p, q)


@register_kl(Beta, Gamma)
def _beta_gamma(p, q):
    return -p.entropy() + _cross_gamma(p, q, _mean_log_beta(p))


@register_kl(Beta, Normal)
@register_kl(ContinuousBernoulli, Normal)
@register_kl(Exponential, Normal)
@register_kl(Gamma, Normal)
@register_kl(Gumbel, Normal)
@register_kl(Laplace, Normal)
@register_kl(Uniform, Normal)
def _to_normal(p, q):
    return -p.entropy() + _cross_normal(p, q)


@register_kl(Pareto, Normal)
def _pareto_normal(p, q):
    return _outside(p.alpha <= 2, -p.entropy() + _cross_normal(p, q))


@register_kl(Beta, Uniform)
@register_kl(ContinuousBernoulli, Uniform)
def _unit_interval_uniform(p, q):
    support = p.support
    result = -p.entropy() + (q.high - q.low).log()
    return _outside((q.high < support.upper_bound) | (q.low > support.lower_bound), result)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p, q):
    return -p.entropy() + _cross_gamma(p, q, -p.rate.log() - euler_constant)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p, q):
    product = p.rate * q.scale
    shift = q.loc / q.scale
    return product.log() - 1 + product.reciprocal() - shift + fn.exp(shift) * product / (product + 1)


@register_kl(Gamma, Exponential)
def _gamma_exponential(p, q):
    return -p.entropy() + _cross_exponential(p, q)


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p, q):
    beta, shift = p.rate * q.scale, q.loc / q.scale
    decay = fn.exp(shift) * (1 + beta.reciprocal()).pow(-p.concentration)
    return -p.entropy() + q.scale.log() + p.mean / q.scale - shift + decay


@register_kl(Normal, Gumbel)
def _normal_gumbel(p, q):
    mean, ratio = (p.loc - q.loc) / q.scale, (p.scale / q.scale).pow(2)
    return -p.entropy() + q.scale.log() + mean + fn.exp(-mean + 0.5 * ratio)


@register_kl(Normal, Laplace)
def _normal_laplace(p, q):
    offset = p.loc - q.loc
    z = offset / p.scale
    distance = math.sqrt(2 / math.pi) * p.scale * fn.exp(-0.5 * z.pow(2)) + offset * fn.erf(math.sqrt(0.5) * z)
    return -p.entropy() + (2 * q.scale).log() + distance / q.scale


@register_kl(Pareto, Gamma)
def _pareto_gamma(p, q):
    return _outside(p.alpha <= 1, -p.entropy() + _cross_gamma(p, q, p.alpha.reciprocal() + p.scale.log()))


@register_kl(Uniform, Beta)
def _uniform_beta(p, q):
    width = p.high - p.low
    above = (_x_log_x(p.high) - _x_log_x(p.low) - width) / width
    below = (_x_log_x(1 - p.high) - _x_log_x(1 - p.low) + width) / width
    norm = q.concentration1.lgamma() + q.concentration0.lgamma() - (q.concentration1 + q.concentration0).lgamma()
    result = -width.log() - (q.concentration1 - 1) * above + (q.concentration0 - 1) * below + norm
    return _outside((p.high > q.support.upper_bound) | (p.low < q.support.lower_bound), result)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p, q):
    result = -p.entropy() - p.mean * q.logits - fn.log1p(-q.probs) - q._cont_bern_log_norm()
    return _outside((p.high >= q.support.upper_bound) | (p.low <= q.support.lower_bound), result)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p, q):
    return _outside(p.low < q.support.lower_bound, -p.entropy() + _cross_exponential(p, q))


@register_kl(Uniform, Gamma)
def _uniform_gamma(p, q):
    width = p.high - p.low
    mean_log = (_x_log_x(p.high) - _x_log_x(p.low) - width) / width
    return _outside(p.low < q.support.lower_bound, -p.entropy() + _cross_gamma(p, q, mean_log))


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p, q):
    width = (p.high - p.low) / q.scale
    low, high = (p.low - q.loc) / q.scale, (p.high - q.loc) / q.scale
    return -p.entropy() + q.scale.log() + 0.5 * (low + high) + (fn.exp(-low) - fn.exp(-high)) / width


@register_kl(Uniform, Pareto)
def _uniform_pareto(p, q):
    width = p.high - p.low
    mean_log = (_x_log_x(p.high) - _x_log_x(p.low) - width) / width
    result = -p.entropy() - q.alpha.log() - q.alpha * q.scale.log() + (q.alpha + 1) * mean_log
    return _outside(p.low < q.support.lower_bound, result)


def _x_log_x(x):
    return fn.xlogy(x, x)
