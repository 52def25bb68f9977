"""The Kumaraswamy distribution.

P. Kumaraswamy, Journal of Hydrology 46 (1980); M. C. Jones, Statistical Methodology 6 (2009).
"""

from __future__ import annotations

import math

from plugtorch.frontend import functions as fn

from . import constraints
from .parameters import broadcast_all, euler_constant
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform
from .uniform import Uniform

__all__ = ["Kumaraswamy"]


def _moment(a, b, n):
    """The n-th moment, ``b B(1 + n / a, b)``."""
    arg = 1 + n / a
    return fn.exp(fn.log(b) + fn.lgamma(arg) + fn.lgamma(b) - fn.lgamma(arg + b))


class Kumaraswamy(TransformedDistribution):
    """``a b x^(a - 1) (1 - x^a)^(b - 1)`` on [0, 1].

    Args:
        concentration1: a, positive.
        concentration0: b, positive.
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1, concentration0, validate_args=None):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        base = Uniform(fn.full_like(self.concentration0, 0), fn.full_like(self.concentration0, 1),
                       validate_args=validate_args)
        steps = [PowerTransform(exponent=self.concentration0.reciprocal()), AffineTransform(loc=1.0, scale=-1.0),
                 PowerTransform(exponent=self.concentration1.reciprocal())]
        super().__init__(base, steps, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(Kumaraswamy, _instance)
        new.concentration1 = self.concentration1.expand(batch_shape)
        new.concentration0 = self.concentration0.expand(batch_shape)
        return super().expand(batch_shape, _instance=new)

    @property
    def mean(self):
        return _moment(self.concentration1, self.concentration0, 1)

    @property
    def mode(self):
        a, b = self.concentration1, self.concentration0
        log_mode = a.reciprocal() * (-b).log1p() - (-a * b).log1p()
        return fn.where((a < 1) | (b < 1), math.nan, log_mode.exp())

    @property
    def variance(self):
        return _moment(self.concentration1, self.concentration0, 2) - self.mean.pow(2)

    def entropy(self):
        t1, t0 = 1 - self.concentration1.reciprocal(), 1 - self.concentration0.reciprocal()
        harmonic = fn.digamma(self.concentration0 + 1) + euler_constant
        return t0 + t1 * harmonic - fn.log(self.concentration1) - fn.log(self.concentration0)
