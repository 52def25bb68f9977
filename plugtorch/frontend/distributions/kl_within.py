"""Divergences of two distributions of one family, and of the two forms of the multivariate normal.

M. Gil, F. Alajaji and T. Linder, "Rényi divergence measures for commonly used univariate continuous distributions", 2013,
and from the definition.
"""

from __future__ import annotations

import math

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.functional.activation import softplus

from .bernoulli import Bernoulli, Geometric
from .binomial import Binomial
from .categorical import Categorical, OneHotCategorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Beta, Dirichlet
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .kl import kl_divergence, of_same_family, register_kl
from .laplace import Laplace
from .lowrank_multivariate_normal import LowRankMultivariateNormal, _batch_lowrank_mahalanobis
from .multivariate_normal import MultivariateNormal, _batch_mahalanobis, half_log_det, solve_lower
from .normal import HalfNormal, Normal
from .parameters import euler_constant
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform


@of_same_family(Bernoulli)
def _bernoulli(p, q):
    a, b = p.probs, q.probs
    one = a * (softplus(-q.logits) - softplus(-p.logits))
    one = fn.where(b == 0, math.inf, one)
    one = fn.where(a == 0, 0.0, one)
    zero = (1 - a) * (softplus(q.logits) - softplus(p.logits))
    zero = fn.where(b == 1, math.inf, zero)
    return one + fn.where(a == 1, 0.0, zero)


@of_same_family(Binomial)
def _binomial(p, q):
    if (p.total_count < q.total_count).any():
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return fn.where(p.total_count > q.total_count, math.inf, kl)


@of_same_family(Categorical)
def _categorical(p, q):
    t = p.probs * (p.logits - q.logits)
    t = fn.where((q.probs == 0).expand_as(t), math.inf, t)
    return fn.where((p.probs == 0).expand_as(t), 0.0, t).sum(-1)


@of_same_family(OneHotCategorical)
def _one_hot_categorical(p, q):
    return kl_divergence(p._categorical, q._categorical)


@of_same_family(Cauchy)
def _cauchy(p, q):
    """F. Chyzak and F. Nielsen, "A closed-form formula for the Kullback-Leibler divergence between Cauchy distributions",
    2019."""
    return ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()


@of_same_family(ContinuousBernoulli)
def _continuous_bernoulli(p, q):
    return (p.mean * (p.logits - q.logits) + p._cont_bern_log_norm() + fn.log1p(-p.probs) - q._cont_bern_log_norm()
            - fn.log1p(-q.probs))


@of_same_family(Beta)
def _beta(p, q):
    total_p, total_q = p.concentration1 + p.concentration0, q.concentration1 + q.concentration0
    norm = (q.concentration1.lgamma() + q.concentration0.lgamma() + total_p.lgamma()
            - p.concentration1.lgamma() - p.concentration0.lgamma() - total_q.lgamma())
    return (norm + (p.concentration1 - q.concentration1) * fn.digamma(p.concentration1)
            + (p.concentration0 - q.concentration0) * fn.digamma(p.concentration0)
            + (total_q - total_p) * fn.digamma(total_p))


@of_same_family(Dirichlet)
def _dirichlet(p, q):
    total = p.concentration.sum(-1)
    norm = total.lgamma() - q.concentration.sum(-1).lgamma()
    norm = norm - (p.concentration.lgamma() - q.concentration.lgamma()).sum(-1)
    slope = p.concentration.digamma() - total.digamma().unsqueeze(-1)
    return norm + ((p.concentration - q.concentration) * slope).sum(-1)


@of_same_family(Exponential)
def _exponential(p, q):
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@of_same_family(Gamma)
def _gamma(p, q):
    return (q.concentration * (p.rate / q.rate).log() + fn.lgamma(q.concentration) - fn.lgamma(p.concentration)
            + (p.concentration - q.concentration) * fn.digamma(p.concentration)
            + (q.rate - p.rate) * (p.concentration / p.rate))


@of_same_family(Gumbel)
def _gumbel(p, q):
    ratio, shift = p.scale / q.scale, (q.loc - p.loc) / q.scale
    return -ratio.log() - shift + ratio * euler_constant + fn.exp(shift + (1 + ratio).lgamma()) - (1 + euler_constant)


@of_same_family(Geometric)
def _geometric(p, q):
    return -p.entropy() - fn.log1p(-q.probs) / p.probs - q.logits


@of_same_family(HalfNormal)
def _half_normal(p, q):
    return kl_divergence(p.base_dist, q.base_dist)


@of_same_family(Laplace)
def _laplace(p, q):
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * fn.exp(-distance / p.scale) - 1


@of_same_family(Normal)
def _normal(p, q):
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@of_same_family(Pareto)
def _pareto(p, q):
    ratio, alpha = p.scale / q.scale, q.alpha / p.alpha
    result = q.alpha * ratio.log() - alpha.log() + alpha - 1
    return fn.where(p.support.lower_bound < q.support.lower_bound, math.inf, result)


@of_same_family(Poisson)
def _poisson(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@of_same_family(Uniform)
def _uniform(p, q):
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return fn.where((q.low > p.low) | (q.high < p.high), math.inf, result)


# Multivariate normal.

def _same_event(p, q, names):
    if p.event_shape != q.event_shape:
        raise ValueError(f"KL-divergence between two {names} with different event shapes cannot be computed")


def _trace(matrix):
    """The sum of squares of a matrix' entries."""
    return matrix.pow(2).sum((-2, -1))


def _normal_kl(p, log_det, trace, mahalanobis):
    return 0.5 * (log_det + trace + mahalanobis - p.event_shape[0])


def _lowrank_trace(p_factor, q):
    """The trace of ``S_q^-1 A A^T`` for the covariance of a low-rank q."""
    diagonal = q._unbroadcasted_cov_diag
    inner = solve_lower(q._capacitance_tril, q._unbroadcasted_cov_factor.mT / diagonal.unsqueeze(-2) @ p_factor)
    return _trace(p_factor * diagonal.rsqrt().unsqueeze(-1)) - _trace(inner)


@of_same_family(MultivariateNormal)
def _multivariate_normal(p, q):
    _same_event(p, q, "Multivariate Normals")
    low_p, low_q = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    return _normal_kl(p, 2 * (half_log_det(low_q) - half_log_det(low_p)), _trace(solve_lower(low_q, low_p)),
                      _batch_mahalanobis(low_q, q.loc - p.loc))


@of_same_family(LowRankMultivariateNormal)
def _lowrank(p, q):
    _same_event(p, q, "Low Rank Multivariate Normals")
    spread = (p._unbroadcasted_cov_diag.sqrt()).diag_embed()
    trace = _lowrank_trace(p._unbroadcasted_cov_factor, q) + _lowrank_trace(spread, q)
    return _normal_kl(p, q._log_det() - p._log_det(), trace, _lowrank_distance(p, q))


def _lowrank_distance(p, q):
    return _batch_lowrank_mahalanobis(q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag, q.loc - p.loc,
                                      q._capacitance_tril)


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _multivariate_lowrank(p, q):
    _same_event(p, q, "(Low Rank) Multivariate Normals")
    low = p._unbroadcasted_scale_tril
    return _normal_kl(p, q._log_det() - 2 * half_log_det(low), _lowrank_trace(low, q), _lowrank_distance(p, q))


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _lowrank_multivariate(p, q):
    _same_event(p, q, "(Low Rank) Multivariate Normals")
    low = q._unbroadcasted_scale_tril
    trace = (_trace(solve_lower(low, p._unbroadcasted_cov_factor))
             + _trace(solve_lower(low, p._unbroadcasted_cov_diag.sqrt().diag_embed())))
    return _normal_kl(p, 2 * half_log_det(low) - p._log_det(), trace, _batch_mahalanobis(low, q.loc - p.loc))
