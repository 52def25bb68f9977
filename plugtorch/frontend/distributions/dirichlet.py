"""The Dirichlet distribution, and the beta distribution as its case of two components.

S. Kotz, N. Balakrishnan and N. L. Johnson, "Continuous Multivariate Distributions", volume 1, chapter 49.
"""

from __future__ import annotations

from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Size

from . import constraints
from .exp_family import ExponentialFamily
from .implicit_gradients import SampleDirichlet
from .parameters import all_numbers, broadcast_all

__all__ = ["Beta", "Dirichlet"]


class Dirichlet(ExponentialFamily):
    """``prod_i x_i^(a_i - 1) Gamma(sum a) / prod_i Gamma(a_i)`` on the simplex; ``concentration`` (..., K) is a, positive.

    Raises:
        ValueError: ``concentration`` has no axis.
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration, validate_args=None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expand_parameters(Dirichlet, batch_shape, _instance, "concentration", event=self.event_shape)

    @property
    def mean(self):
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self):
        above = (self.concentration - 1).clamp(min=0.0)
        mode = above / above.sum(-1, True)
        flat = (self.concentration < 1).all(dim=-1)
        corner = fn.zeros_like(mode).scatter(-1, mode.nan_to_num(0.0).argmax(-1, True), 1.0)
        return fn.where(flat.unsqueeze(-1), corner, mode)

    @property
    def variance(self):
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape=()):
        return SampleDirichlet.apply(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        a = self.concentration
        return fn.xlogy(a - 1.0, value).sum(-1) + fn.lgamma(a.sum(-1)) - fn.lgamma(a).sum(-1)

    def entropy(self):
        count, total = self.concentration.size(-1), self.concentration.sum(-1)
        return (fn.lgamma(self.concentration).sum(-1) - fn.lgamma(total) - (count - total) * fn.digamma(total)
                - ((self.concentration - 1.0) * fn.digamma(self.concentration)).sum(-1))

    @property
    def _natural_params(self):
        return (self.concentration,)

    def _log_normalizer(self, x):
        return x.lgamma().sum(-1) - fn.lgamma(x.sum(-1))


class Beta(ExponentialFamily):
    """``x^(a - 1) (1 - x)^(b - 1) Gamma(a + b) / (Gamma(a) Gamma(b))`` on [0, 1].

    Args:
        concentration1: a, positive.
        concentration0: b, positive.
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1, concentration0, validate_args=None):
        if all_numbers(concentration1, concentration0):
            both = fn.tensor([float(concentration1), float(concentration0)])
        else:
            both = fn.stack(broadcast_all(concentration1, concentration0), -1)
        self._dirichlet = Dirichlet(both, validate_args=validate_args)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expanded(Beta, batch_shape, _instance, _dirichlet=self._dirichlet.expand(Size(batch_shape)))

    concentration1 = property(lambda self: self._dirichlet.concentration[..., 0])
    concentration0 = property(lambda self: self._dirichlet.concentration[..., 1])
    mean = property(lambda self: self.concentration1 / (self.concentration1 + self.concentration0))
    mode = property(lambda self: self._dirichlet.mode[..., 0])

    @property
    def variance(self):
        a, b = self.concentration1, self.concentration0
        return a * b / ((a + b).pow(2) * (a + b + 1))

    def rsample(self, sample_shape=()):
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return self._dirichlet.log_prob(fn.stack([value, 1.0 - value], -1))

    def entropy(self):
        return self._dirichlet.entropy()

    @property
    def _natural_params(self):
        return self.concentration1, self.concentration0

    def _log_normalizer(self, x, y):
        return fn.lgamma(x) + fn.lgamma(y) - fn.lgamma(x + y)
