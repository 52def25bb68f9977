"""Single trials of a probability, given as such or as log odds: Bernoulli and geometric.

N. L. Johnson, A. W. Kemp and S. Kotz, "Univariate Discrete Distributions", chapters 3 and 5.
"""

from __future__ import annotations

import math

from plugtorch.autograd.mode import no_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.functional.loss import binary_cross_entropy_with_logits
from plugtorch.frontend.tensor import Size

from . import constraints
from .distribution import Distribution
from .exp_family import ExponentialFamily
from .parameters import all_numbers, broadcast_all, lazy_property, logits_to_probs, one_of, probs_to_logits

__all__ = ["Bernoulli", "Geometric"]


class BinaryParameter:
    """``probs`` or ``logits``, log odds, each from the other."""

    @property
    def _param(self):
        return getattr(self, self._given)

    @lazy_property
    def logits(self):
        """Log odds."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self):
        """Probabilities."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self):
        """Shape of the parameter."""
        return self._param.size()

    def _new(self, *args, **kwargs):
        return self._param.new(*args, **kwargs)

    def _take(self, probs, logits):
        """Sets the parameter that was given; returns the batch shape.

        Raises:
            ValueError: both or none were.
        """
        one_of(probs, logits)
        given, name = (probs, "probs") if logits is None else (logits, "logits")
        (value,) = broadcast_all(given)
        setattr(self, name, value)
        self._given = name
        return () if all_numbers(given) else value.size()

    def _expand_binary(self, cls, batch_shape, _instance, *names):
        new = self._expand_parameters(cls, batch_shape, _instance, "probs", "logits", *names)
        new._given = self._given
        return new


class Bernoulli(BinaryParameter, ExponentialFamily):
    """1 with probability ``probs``, else 0; ``logits`` are log odds. One of the two is given."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        super().__init__(self._take(probs, logits), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expand_binary(Bernoulli, batch_shape, _instance)

    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    @property
    def mode(self):
        """1 or 0; nan where both are as probable."""
        mode = (self.probs >= 0.5).to(self.probs.dtype)
        return fn.where(self.probs == 0.5, math.nan, mode)

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            return fn.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self):
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand=True):
        values = self._param.new_tensor([0.0, 1.0]).reshape((-1, *(1,) * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values

    @property
    def _natural_params(self):
        return (fn.logit(self.probs),)

    def _log_normalizer(self, x):
        return fn.log1p(fn.exp(x))

    _mean_carrier_measure = 0


class Geometric(BinaryParameter, Distribution):
    """``probs (1 - probs)^k``: the number k of failures before the first success; ``logits`` are log odds of success.

    Raises:
        ValueError: a probability that is not positive.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs=None, logits=None, validate_args=None):
        super().__init__(self._take(probs, logits), validate_args=validate_args)
        if self._validate_args and probs is not None:
            value = self.probs
            if not (value > 0).all():
                invalid = value[~(value > 0)]
                raise ValueError(
                    f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to be positive but found invalid values:\n{invalid}"
                )

    def expand(self, batch_shape, _instance=None):
        return self._expand_binary(Geometric, batch_shape, _instance)

    mean = property(lambda self: 1.0 / self.probs - 1.0)
    mode = property(lambda self: fn.zeros_like(self.probs))
    variance = property(lambda self: (1.0 / self.probs - 1.0) / self.probs)

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            u = self.probs.new_empty(self._extended_shape(sample_shape)).uniform_(fn.finfo(self.probs.dtype).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        probs = fn.where((probs == 1) & (value == 0), 0.0, probs)  # else 0 * log(0)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self):
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
