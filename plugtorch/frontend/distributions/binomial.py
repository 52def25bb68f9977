"""Numbers of successes in many trials: binomial and negative binomial.

N. L. Johnson, A. W. Kemp and S. Kotz, "Univariate Discrete Distributions", chapters 3 and 5.
"""

from __future__ import annotations

from plugtorch.autograd.mode import no_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.functional.activation import logsigmoid
from plugtorch.frontend.tensor import Size

from . import constraints
from .bernoulli import BinaryParameter
from .distribution import Distribution
from .gamma import Gamma
from .parameters import broadcast_all, lazy_property, one_of

__all__ = ["Binomial", "NegativeBinomial"]


class _Trials(BinaryParameter, Distribution):
    """A distribution with ``total_count`` and a probability."""

    def __init__(self, total_count, probs, logits, validate_args):
        one_of(probs, logits)
        self._given = "probs" if logits is None else "logits"
        self.total_count, value = broadcast_all(total_count, probs if logits is None else logits)
        self.total_count = self.total_count.type_as(value)
        setattr(self, self._given, value)
        super().__init__(value.size(), validate_args=validate_args)


class Binomial(_Trials):
    """``C(n, k) p^k (1 - p)^(n - k)``.

    Args:
        total_count: n, whole numbers >= 0.
        probs: p, or ``logits``, log odds.
    """

    arg_constraints = {"total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval,
                       "logits": constraints.real}
    has_enumerate_support = True

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        super().__init__(total_count, probs, logits, validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expand_binary(Binomial, batch_shape, _instance, "total_count")

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self.total_count)

    mean = property(lambda self: self.total_count * self.probs)
    mode = property(lambda self: ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count))
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape=Size()):  # noqa: B008
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return fn.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        coefficient = fn.lgamma(n + 1) - fn.lgamma(value + 1) - fn.lgamma(n - value + 1)
        return value * self.logits + coefficient + n * logsigmoid(-self.logits)

    def entropy(self):
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(fn.exp(log_prob) * log_prob).sum(0)

    def enumerate_support(self, expand=True):
        """All numbers of successes.

        Raises:
            NotImplementedError: the batch has different numbers of trials.
        """
        total = int(self.total_count.max())
        if not self.total_count.min() == total:
            raise NotImplementedError("Inhomogeneous total count not supported by `enumerate_support`.")
        values = self._param.new_tensor([float(i) for i in range(total + 1)])
        values = values.reshape((-1, *(1,) * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values


class NegativeBinomial(_Trials):
    """``Gamma(r + k) / (k! Gamma(r)) p^k (1 - p)^r``: the number k of successes before r failures.

    Args:
        total_count: r >= 0, also between whole numbers.
        probs: p of a success, below 1; or ``logits``, log odds.
    """

    arg_constraints = {"total_count": constraints.greater_than_eq(0), "probs": constraints.half_open_interval(0.0, 1.0),
                       "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, total_count, probs=None, logits=None, validate_args=None):
        super().__init__(total_count, probs, logits, validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expand_binary(NegativeBinomial, batch_shape, _instance, "total_count")

    mean = property(lambda self: self.total_count * fn.exp(self.logits))
    variance = property(lambda self: self.mean / fn.sigmoid(-self.logits))

    @property
    def mode(self):
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @lazy_property
    def _gamma(self):
        return Gamma(concentration=self.total_count, rate=fn.exp(-self.logits), validate_args=False)

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            return fn.poisson(self._gamma.sample(sample_shape=sample_shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        r = self.total_count
        unnormalized = r * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        normalization = -fn.lgamma(r + value) + fn.lgamma(1.0 + value) + fn.lgamma(r)
        normalization = fn.where(r + value == 0.0, 0.0, normalization)
        return unnormalized - normalization
