"""Distributions of powers of exponential values: Pareto and Weibull; and the generalised Pareto distribution.

N. L. Johnson, S. Kotz and N. Balakrishnan, "Continuous Univariate Distributions", volume 1, chapters 20 and 21;
J. Pickands, "Statistical inference using extreme order statistics", Annals of Statistics 3 (1975).
"""

from __future__ import annotations

import math

from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Size

from . import constraints
from .distribution import Distribution
from .exponential import Exponential
from .parameters import batch_shape_of, broadcast_all, euler_constant, uniform_like
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, ExpTransform, PowerTransform

__all__ = ["GeneralizedPareto", "Pareto", "Weibull"]


class Pareto(TransformedDistribution):
    """``alpha scale^alpha / x^(alpha + 1)`` for ``x >= scale``; both parameters positive."""

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}

    def __init__(self, scale, alpha, validate_args=None):
        self.scale, self.alpha = broadcast_all(scale, alpha)
        super().__init__(Exponential(self.alpha, validate_args=validate_args),
                         [ExpTransform(), AffineTransform(loc=0, scale=self.scale)], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(Pareto, _instance)
        new.scale, new.alpha = self.scale.expand(batch_shape), self.alpha.expand(batch_shape)
        return super().expand(batch_shape, _instance=new)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        return constraints.greater_than_eq(self.scale)

    mode = property(lambda self: self.scale)

    @property
    def mean(self):
        a = self.alpha.clamp(min=1)  # infinite up to 1
        return a * self.scale / (a - 1)

    @property
    def variance(self):
        a = self.alpha.clamp(min=2)  # infinite up to 2
        return self.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))

    def entropy(self):
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())


class Weibull(TransformedDistribution):
    """``(c / scale) (x / scale)^(c - 1) exp(-(x / scale)^c)`` for x > 0.

    Args:
        scale: positive.
        concentration: the shape c, positive.
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive

    def __init__(self, scale, concentration, validate_args=None):
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(fn.ones_like(self.scale), validate_args=validate_args)
        super().__init__(base, [PowerTransform(exponent=self.concentration_reciprocal),
                                AffineTransform(loc=0, scale=self.scale)], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(Weibull, _instance)
        new.scale, new.concentration = self.scale.expand(batch_shape), self.concentration.expand(batch_shape)
        new.concentration_reciprocal = new.concentration.reciprocal()
        base = self.base_dist.expand(batch_shape)
        steps = [PowerTransform(exponent=new.concentration_reciprocal), AffineTransform(loc=0, scale=new.scale)]
        super(Weibull, new).__init__(base, steps, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self):
        return self.scale * fn.exp(fn.lgamma(1 + self.concentration_reciprocal))

    @property
    def mode(self):
        return self.scale * ((self.concentration - 1) / self.concentration) ** self.concentration.reciprocal()

    @property
    def variance(self):
        r = self.concentration_reciprocal
        return self.scale.pow(2) * (fn.exp(fn.lgamma(1 + 2 * r)) - fn.exp(2 * fn.lgamma(1 + r)))

    def entropy(self):
        r = self.concentration_reciprocal
        return euler_constant * (1 - r) + fn.log(self.scale * r) + 1


class GeneralizedPareto(Distribution):
    """``(1 + c z)^(-1 / c - 1) / scale`` with ``z = (x - loc) / scale >= 0``, the limit ``exp(-z) / scale`` at c = 0; for
    c < 0 up to ``z = -1 / c``.

    Args:
        loc: the lower end.
        scale: positive.
        concentration: the shape c.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True

    def __init__(self, loc, scale, concentration, validate_args=None):
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(batch_shape_of(self.loc, loc, scale, concentration), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expand_parameters(GeneralizedPareto, batch_shape, _instance, "loc", "scale", "concentration")

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        upper = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, fn.where(self.concentration < 0, upper, math.inf))

    def _flat(self):
        """Where the shape is so close to 0 that the limit is taken, and a shape that can be divided by."""
        flat = fn.isclose(self.concentration, fn.zeros_like(self.concentration))
        return flat, fn.where(flat, 1.0, self.concentration)

    def _z(self, x):
        return (x - self.loc) / self.scale

    def rsample(self, sample_shape=Size()):  # noqa: B008
        return self.icdf(uniform_like(self.loc, self._extended_shape(sample_shape)))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        z = self._z(value)
        flat, c = self._flat()
        y = 1 / c + fn.ones_like(z)
        where_finite = y * fn.log1p(c * z)
        return -self.scale.log() - fn.where(flat, z, where_finite)

    def log_survival_function(self, value):
        """The logarithm of the probability of outcomes beyond ``value``."""
        if self._validate_args:
            self._validate_sample(value)
        z = self._z(value)
        flat, c = self._flat()
        return fn.where(flat, -z, -fn.log1p(c * z) / c)

    def log_cdf(self, value):
        """The logarithm of :meth:`cdf`."""
        return fn.log1p(-fn.exp(self.log_survival_function(value)))

    def cdf(self, value):
        return fn.exp(self.log_cdf(value))

    def icdf(self, value):
        flat, c = self._flat()
        left = fn.log1p(-value)
        return self.loc + self.scale * fn.where(flat, -left, fn.expm1(-c * left) / c)

    @property
    def mean(self):
        c = self.concentration
        heavy = c >= 1
        return fn.where(heavy, math.inf, self.loc + self.scale / (1 - fn.where(heavy, 0.5, c)))

    @property
    def variance(self):
        c = self.concentration
        heavy = c >= 0.5
        safe = fn.where(heavy, 0.25, c)
        return fn.where(heavy, math.inf, self.scale ** 2 / ((1 - safe) ** 2 * (1 - 2 * safe)))

    def entropy(self):
        return fn.log(self.scale) + self.concentration + 1

    mode = property(lambda self: self.loc)
