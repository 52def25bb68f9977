"""The continuous Bernoulli distribution.

G. Loaiza-Ganem and J. P. Cunningham, "The continuous Bernoulli: fixing a pervasive error in variational autoencoders", 2019.
Near a probability of 1/2, where the formulas are 0 / 0, Taylor series in the distance from it take their place.
"""

from __future__ import annotations

import math

from plugtorch.autograd.mode import no_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.functional.loss import binary_cross_entropy_with_logits
from plugtorch.frontend.tensor import Size

from . import constraints
from .bernoulli import BinaryParameter
from .exp_family import ExponentialFamily
from .parameters import broadcast_all, clamp_probs, uniform_like

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(BinaryParameter, ExponentialFamily):
    """``C(p) p^x (1 - p)^(1 - x)`` on [0, 1] with ``C(p) = 2 artanh(1 - 2 p) / (1 - 2 p)``.

    Args:
        probs: p in (0, 1), or ``logits``, log odds.
        lims: between these probabilities the series are used.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args=None):
        shape = self._take(probs, logits)
        if logits is None:
            if validate_args is not None and not self.arg_constraints["probs"].check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._expand_binary(ContinuousBernoulli, batch_shape, _instance)
        new._lims = self._lims
        return new

    def _outside_unstable_region(self):
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut_probs(self):
        return fn.where(self._outside_unstable_region(), self.probs, self._lims[0])

    def _cont_bern_log_norm(self):
        """``log C(p)``."""
        cut = self._cut_probs()
        low = cut <= 0.5
        distance = fn.where(low, fn.log1p(-2.0 * fn.where(low, cut, 0.0)), fn.log(2.0 * fn.where(low, 1.0, cut) - 1.0))
        far = fn.log(fn.abs(fn.log1p(-cut) - fn.log(cut))) - distance
        x = (self.probs - 0.5).pow(2)
        return fn.where(self._outside_unstable_region(), far, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self):
        cut = self._cut_probs()
        far = cut / (2.0 * cut - 1.0) + 1.0 / (fn.log1p(-cut) - fn.log(cut))
        x = self.probs - 0.5
        return fn.where(self._outside_unstable_region(), far, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def variance(self):
        cut = self._cut_probs()
        far = cut * (cut - 1.0) / (1.0 - 2.0 * cut).pow(2) + 1.0 / (fn.log1p(-cut) - fn.log(cut)).pow(2)
        x = (self.probs - 0.5).pow(2)
        return fn.where(self._outside_unstable_region(), far, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    @property
    def stddev(self):
        return fn.sqrt(self.variance)

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        return self.icdf(uniform_like(self.probs, self._extended_shape(sample_shape)))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return self._cont_bern_log_norm() - binary_cross_entropy_with_logits(logits, value, reduction="none")

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        cut = self._cut_probs()
        far = (fn.pow(cut, value) * fn.pow(1.0 - cut, 1.0 - value) + cut - 1.0) / (2.0 * cut - 1.0)
        inside = fn.where(self._outside_unstable_region(), far, value)
        return fn.where(value <= 0.0, 0.0, fn.where(value >= 1.0, 1.0, inside))

    def icdf(self, value):
        cut = self._cut_probs()
        far = (fn.log1p(-cut + value * (2.0 * cut - 1.0)) - fn.log1p(-cut)) / (fn.log(cut) - fn.log1p(-cut))
        return fn.where(self._outside_unstable_region(), far, value)

    def entropy(self):
        other, own = fn.log1p(-self.probs), fn.log(self.probs)
        return self.mean * (other - own) - self._cont_bern_log_norm() - other

    @property
    def _natural_params(self):
        return (self.logits,)

    def _log_normalizer(self, x):
        out = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        cut = fn.where(out, x, self._lims[0] - 0.5)
        far = fn.log(fn.abs(fn.exp(cut) - 1.0)) - fn.log(fn.abs(cut))
        return fn.where(out, far, 0.5 * x + fn.pow(x, 2) / 24.0 - fn.pow(x, 4) / 2880.0)

    _mean_carrier_measure = 0
