"""Ratios of normal and chi-squared values: Student's t, and Fisher's and Snedecor's F.

N. L. Johnson, S. Kotz and N. Balakrishnan, "Continuous Univariate Distributions", volume 2, chapters 27 and 28.
"""

from __future__ import annotations

import math

from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Size

from . import constraints
from .distribution import Distribution
from .gamma import Chi2, Gamma
from .parameters import batch_shape_of, broadcast_all, normal_like

__all__ = ["FisherSnedecor", "StudentT"]


class StudentT(Distribution):
    """``loc + scale t``, where t has the density
    ``Gamma((df + 1) / 2) / (sqrt(pi df) Gamma(df / 2)) (1 + t^2 / df)^(-(df + 1) / 2)``.

    Args:
        df: degrees of freedom, positive.
        loc: the centre.
        scale: positive.
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, df, loc=0.0, scale=1.0, validate_args=None):
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.size(), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._expand_parameters(StudentT, batch_shape, _instance, "df", "loc", "scale")
        new._chi2 = self._chi2.expand(Size(batch_shape))
        return new

    mode = property(lambda self: self.loc)

    @property
    def mean(self):
        return fn.where(self.df <= 1, math.nan, self.loc)

    @property
    def variance(self):
        heavy = self.df <= 2
        finite = self.scale.pow(2) * self.df / (fn.where(heavy, 3.0, self.df) - 2)
        return fn.where(self.df <= 1, math.nan, fn.where(heavy, math.inf, finite))

    def rsample(self, sample_shape=Size()):  # noqa: B008
        x = normal_like(self.df, self._extended_shape(sample_shape))
        z = self._chi2.rsample(sample_shape)
        return self.loc + self.scale * (x * fn.rsqrt(z / self.df))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        y = (value - self.loc) / self.scale
        norm = (self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi) + fn.lgamma(0.5 * self.df)
                - fn.lgamma(0.5 * (self.df + 1.0)))
        return -0.5 * (self.df + 1.0) * fn.log1p(y ** 2.0 / self.df) - norm

    def entropy(self):
        beta = fn.lgamma(0.5 * self.df) + math.lgamma(0.5) - fn.lgamma(0.5 * (self.df + 1))
        return (self.scale.log() + 0.5 * (self.df + 1) * (fn.digamma(0.5 * (self.df + 1)) - fn.digamma(0.5 * self.df))
                + 0.5 * self.df.log() + beta)


class FisherSnedecor(Distribution):
    """The ratio of two chi-squared values, each divided by its degrees of freedom.

    Args:
        df1: degrees of freedom above, positive.
        df2: below, positive.
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, df1, df2, validate_args=None):
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1 = Gamma(self.df1 * 0.5, self.df1)
        self._gamma2 = Gamma(self.df2 * 0.5, self.df2)
        super().__init__(batch_shape_of(self.df1, df1, df2), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._expand_parameters(FisherSnedecor, batch_shape, _instance, "df1", "df2")
        new._gamma1, new._gamma2 = self._gamma1.expand(Size(batch_shape)), self._gamma2.expand(Size(batch_shape))
        return new

    @property
    def mean(self):
        low = self.df2 <= 2
        return fn.where(low, math.nan, self.df2 / (fn.where(low, 3.0, self.df2) - 2))

    @property
    def mode(self):
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return fn.where(self.df1 <= 2, math.nan, mode)

    @property
    def variance(self):
        low = self.df2 <= 4
        df2 = fn.where(low, 5.0, self.df2)
        variance = 2 * df2.pow(2) * (self.df1 + df2 - 2) / (self.df1 * (df2 - 2).pow(2) * (df2 - 4))
        return fn.where(low, math.nan, variance)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        shape = self._extended_shape(sample_shape)
        above = self._gamma1.rsample(sample_shape).reshape(shape)
        below = self._gamma2.rsample(sample_shape).reshape(shape)
        tiny = fn.finfo(below.dtype).tiny
        return (above / below.clamp(min=tiny)).clamp(min=tiny)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        half1, half2, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        norm = (half1 + half2).lgamma() - half1.lgamma() - half2.lgamma()
        shape = half1 * ratio.log() + (half1 - 1) * fn.log(value)
        return norm + shape - (half1 + half2) * fn.log1p(ratio * value)
