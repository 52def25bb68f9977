"""Mixtures of distributions of one family."""

from __future__ import annotations

from plugtorch.autograd.mode import no_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Size

from . import constraints
from .categorical import Categorical
from .distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """``sum_k p_k f_k(x)``: the last batch axis of the components, of size K, is chosen from.

    Args:
        mixture_distribution: a Categorical of K categories.
        component_distribution: a distribution of batch shape (..., K).

    Raises:
        ValueError: other types, or batch shapes that do not fit.
    """

    arg_constraints: dict = {}
    has_rsample = False

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        mixed, whole = tuple(mixture_distribution.batch_shape), component_distribution.batch_shape
        batch = tuple(whole)[:-1]
        for size, other in zip(reversed(mixed), reversed(batch), strict=False):
            if size != 1 and other != 1 and size != other:
                raise ValueError(f"`mixture_distribution.batch_shape` ({Size(mixed)}) is not compatible with "
                                 f"`component_distribution.batch_shape`({Size(batch)})")
        k = mixture_distribution.logits.shape[-1]
        if k != whole[-1]:
            raise ValueError(f"`mixture_distribution component` ({k}) does not equal "
                             f"`component_distribution.batch_shape[-1]` ({whole[-1]})")
        self._num_component = k
        self._event_ndims = len(component_distribution.event_shape)
        super().__init__(batch, component_distribution.event_shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        components = self._component_distribution.expand((*batch_shape, self._num_component))
        return self._expanded(MixtureSameFamily, batch_shape, _instance, _component_distribution=components,
                              _mixture_distribution=self._mixture_distribution.expand(batch_shape),
                              _num_component=self._num_component, _event_ndims=self._event_ndims)

    @constraints.dependent_property
    def support(self):
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    mixture_distribution = property(lambda self: self._mixture_distribution)
    component_distribution = property(lambda self: self._component_distribution)

    @property
    def mean(self):
        probs = self._pad_mixture_dimensions(self.mixture_distribution.probs)
        return fn.sum(probs * self.component_distribution.mean, dim=-1 - self._event_ndims)

    @property
    def variance(self):
        """By the law of total variance."""
        probs = self._pad_mixture_dimensions(self.mixture_distribution.probs)
        dim = -1 - self._event_ndims
        inner = fn.sum(probs * self.component_distribution.variance, dim=dim)
        outer = fn.sum(probs * (self.component_distribution.mean - self._pad(self.mean)).pow(2.0), dim=dim)
        return inner + outer

    def cdf(self, x):
        cdf = self.component_distribution.cdf(self._pad(x))
        return fn.sum(cdf * self.mixture_distribution.probs, dim=-1)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        own = self.component_distribution.log_prob(self._pad(value))
        return fn.logsumexp(own + fn.log_softmax(self.mixture_distribution.logits, dim=-1), dim=-1)

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            dim, event = len(sample_shape) + len(self.batch_shape), tuple(self.event_shape)
            chosen = self.mixture_distribution.sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)
            chosen = chosen.reshape((*chosen.shape, *(1,) * (len(event) + 1)))
            chosen = chosen.expand((*tuple(drawn.shape)[:dim], 1, *event))
            return fn.gather(drawn, dim, chosen).squeeze(dim)

    def _pad(self, x):
        return x.unsqueeze(-1 - self._event_ndims)

    def _pad_mixture_dimensions(self, x):
        missing = len(self.batch_shape) - len(self.mixture_distribution.batch_shape)
        shape = tuple(x.shape)
        return x.reshape((*shape[:-1], *(1,) * missing, *shape[-1:], *(1,) * self._event_ndims))

    def __repr__(self):
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
