"""Choices among K categories: as a number, as a one-hot vector, and as counts of several choices.

N. L. Johnson, S. Kotz and N. Balakrishnan, "Discrete Multivariate Distributions", chapter 35.
"""

from __future__ import annotations

import math

from plugtorch.autograd.mode import no_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Size
from plugtorch.spec import dtypes

from . import constraints
from .binomial import Binomial
from .distribution import Distribution
from .parameters import broadcast_all, lazy_property, logits_to_probs, one_of, probs_to_logits

__all__ = ["Categorical", "Multinomial", "OneHotCategorical", "OneHotCategoricalStraightThrough"]


class Categorical(Distribution):
    """The numbers 0 to K - 1 with given probabilities.

    Args:
        probs: weights >= 0 (..., K), which are divided by their sum.
        logits: instead, unnormalised log probabilities (..., K); their normalised form is kept.

    Raises:
        ValueError: both or none is given, or the parameter has no axis.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        one_of(probs, logits)
        if probs is not None:
            if probs.dim() < 1:
                raise ValueError("`probs` parameter must be at least one-dimensional.")
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            if logits.dim() < 1:
                raise ValueError("`logits` parameter must be at least one-dimensional.")
            self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)
        self._num_events = self._param.size()[-1]
        super().__init__(self._param.size()[:-1], validate_args=validate_args)

    @property
    def _param(self):
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.__dict__["logits"]

    def expand(self, batch_shape, _instance=None):
        new = self._expand_parameters(Categorical, batch_shape, _instance, "probs", "logits", event=(self._num_events,))
        new._num_events = self._num_events
        return new

    def _new(self, *args, **kwargs):
        return self._param.new(*args, **kwargs)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def logits(self):
        """Normalised log probabilities."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self):
        """Normalised probabilities."""
        return logits_to_probs(self.logits)

    param_shape = property(lambda self: self._param.size())
    mean = property(lambda self: self._undefined())
    variance = property(lambda self: self._undefined())
    mode = property(lambda self: self.probs.argmax(dim=-1))

    def _undefined(self):
        return self._param.new_full(self._extended_shape(), math.nan)

    def sample(self, sample_shape=Size()):  # noqa: B008
        shape = Size(sample_shape)
        with no_grad():
            rows = self.probs.detach().reshape((-1, self._num_events))
            drawn = fn.multinomial(rows, math.prod(shape), True).T
            return drawn.reshape(self._extended_shape(shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        value = value.long().unsqueeze(-1)
        value, log_pmf = fn.broadcast_tensors(value, self.logits)
        return log_pmf.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self):
        logits = self.logits.clamp(min=fn.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand=True):
        values = self._param.new_tensor(list(range(self._num_events)), dtype=dtypes.int64)
        values = values.reshape((-1, *(1,) * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values


class _OfCategories(Distribution):
    """What is made of a categorical distribution, and has its parameters."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def _new(self, *args, **kwargs):
        return self._categorical._new(*args, **kwargs)

    _param = property(lambda self: self._categorical._param)
    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)
    param_shape = property(lambda self: self._categorical.param_shape)


class OneHotCategorical(_OfCategories):
    """Vectors of K components, one 1 among zeros; parameters as of :class:`Categorical`."""

    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs=None, logits=None, validate_args=None):
        self._categorical = Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expanded(OneHotCategorical, batch_shape, _instance, _categorical=self._categorical.expand(batch_shape))

    mean = property(lambda self: self._categorical.probs)
    variance = property(lambda self: self._categorical.probs * (1 - self._categorical.probs))

    def _one_hot(self, index):
        """One-hot vectors, of the parameter's dtype, of numbers."""
        return self._param.new_zeros((*index.shape, self._event_shape[-1])).scatter(-1, index.unsqueeze(-1), 1.0)

    @property
    def mode(self):
        return self._one_hot(self._categorical.mode)

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            return self._one_hot(self._categorical.sample(Size(sample_shape)))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return self._categorical.log_prob(value.max(-1)[1])

    def entropy(self):
        return self._categorical.entropy()

    def enumerate_support(self, expand=True):
        n = self.event_shape[0]
        values = self._one_hot(self._param.new_tensor(list(range(n)), dtype=dtypes.int64))
        values = values.reshape((n, *(1,) * len(self.batch_shape), n))
        return values.expand((n, *self.batch_shape, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """:class:`OneHotCategorical` whose samples pass their gradient to the probabilities (Y. Bengio, N. Léonard and
    A. Courville, "Estimating or propagating gradients through stochastic neurons", 2013)."""

    has_rsample = True

    def rsample(self, sample_shape=Size()):  # noqa: B008
        probs = self._categorical.probs
        return self.sample(sample_shape) + (probs - probs.detach())


class Multinomial(_OfCategories):
    """``n! / prod_i k_i! prod_i p_i^k_i``: counts k of ``total_count`` choices; probabilities as of :class:`Categorical`.

    Raises:
        NotImplementedError: ``total_count`` is no number.
    """

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        self._binomial = Binomial(total_count=total_count, probs=self.probs)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._expanded(Multinomial, batch_shape, _instance, total_count=self.total_count,
                             _categorical=self._categorical.expand(batch_shape))
        new._binomial = self._binomial.expand((*batch_shape, *self.event_shape))
        return new

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        return constraints.multinomial(self.total_count)

    mean = property(lambda self: self.probs * self.total_count)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            drawn = self._categorical.sample(Size((self.total_count, *sample_shape))).movedim(0, -1)
            counts = drawn.new_zeros(self._extended_shape(sample_shape))
            return counts.scatter_add(-1, drawn, fn.ones_like(drawn)).type_as(self.probs)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        logits = fn.where((value == 0) & (logits == -math.inf), 0.0, logits)
        return fn.lgamma(value.sum(-1) + 1) - fn.lgamma(value + 1).sum(-1) + (logits * value).sum(-1)

    def entropy(self):
        n, categories = self.total_count, self._categorical.entropy()
        counts = self._binomial.enumerate_support(expand=False)[1:]
        weights = fn.exp(self._binomial.log_prob(counts))
        return n * categories - math.lgamma(n + 1) + (weights * fn.lgamma(counts + 1)).sum([0, -1])
