"""The gamma distribution, its special case and its inverse.

N. L. Johnson, S. Kotz and N. Balakrishnan, "Continuous Univariate Distributions", volume 1, chapters 17 and 18.
"""

from __future__ import annotations

import math

from plugtorch.frontend import functions as fn
from plugtorch.frontend.incomplete_gamma import gammainc
from plugtorch.frontend.tensor import Size

from . import constraints
from .exp_family import ExponentialFamily
from .implicit_gradients import StandardGamma
from .parameters import batch_shape_of, broadcast_all, value_like
from .transformed_distribution import TransformedDistribution
from .transforms import PowerTransform

__all__ = ["Chi2", "Gamma", "InverseGamma"]


class Gamma(ExponentialFamily):
    """``rate^c x^(c - 1) exp(-rate x) / Gamma(c)`` for x > 0.

    Args:
        concentration: the shape c, positive.
        rate: the inverse scale, positive.
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration, rate, validate_args=None):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(batch_shape_of(self.concentration, concentration, rate), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expand_parameters(Gamma, batch_shape, _instance, "concentration", "rate")

    mean = property(lambda self: self.concentration / self.rate)
    mode = property(lambda self: ((self.concentration - 1) / self.rate).clamp(min=0))
    variance = property(lambda self: self.concentration / self.rate.pow(2))

    def rsample(self, sample_shape=Size()):  # noqa: B008
        shape = self._extended_shape(sample_shape)
        value = StandardGamma.apply(self.concentration.expand(shape)) / self.rate.expand(shape)
        return value.clamp(min=fn.finfo(value.dtype).tiny)  # the support is open at 0

    def log_prob(self, value):
        value = value_like(value, self.rate)
        if self._validate_args:
            self._validate_sample(value)
        return (fn.xlogy(self.concentration, self.rate) + fn.xlogy(self.concentration - 1, value) - self.rate * value
                - fn.lgamma(self.concentration))

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return gammainc(self.concentration, self.rate * value)

    def entropy(self):
        c = self.concentration
        return c - fn.log(self.rate) + fn.lgamma(c) + (1.0 - c) * fn.digamma(c)

    @property
    def _natural_params(self):
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x, y):
        return fn.lgamma(x + 1) + (x + 1) * fn.log(-y.reciprocal())

    _mean_carrier_measure = 0


class Chi2(Gamma):
    """The sum of the squares of ``df`` standard normal values: a gamma distribution of shape ``df / 2`` and rate 1/2."""

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df, validate_args=None):
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return super().expand(batch_shape, self._get_checked_instance(Chi2, _instance))

    df = property(lambda self: self.concentration * 2)


class InverseGamma(TransformedDistribution):
    """The distribution of ``1 / x`` for x of ``Gamma(concentration, rate)``."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, concentration, rate, validate_args=None):
        base = Gamma(concentration, rate, validate_args=validate_args)
        super().__init__(base, PowerTransform(-base.rate.new_ones(())), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return super().expand(batch_shape, _instance=self._get_checked_instance(InverseGamma, _instance))

    concentration = property(lambda self: self.base_dist.concentration)
    rate = property(lambda self: self.base_dist.rate)
    mode = property(lambda self: self.rate / (self.concentration + 1))

    @property
    def mean(self):
        mean = self.rate / (self.concentration - 1)
        return fn.where(self.concentration > 1, mean, math.inf)

    @property
    def variance(self):
        c = self.concentration
        variance = self.rate.square() / ((c - 1).square() * (c - 2))
        return fn.where(c > 2, variance, math.inf)

    def entropy(self):
        c = self.concentration
        return c + self.rate.log() + c.lgamma() - (1 + c) * c.digamma()
