"""The von Mises distribution of angles.

D. J. Best and N. I. Fisher, "Efficient simulation of the von Mises distribution", Applied Statistics 28 (1979).
"""

from __future__ import annotations

import math

from plugtorch.autograd.mode import no_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend.special_functions import i0e, i1e
from plugtorch.frontend.tensor import Size
from plugtorch.spec import dtypes

from . import constraints
from .distribution import Distribution
from .parameters import broadcast_all, lazy_property

__all__ = ["VonMises"]


class VonMises(Distribution):
    """``exp(concentration cos(x - loc)) / (2 pi I0(concentration))``, angles in radians.

    Args:
        loc: the mean angle.
        concentration: positive.
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc, concentration, validate_args=None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, (), validate_args)

    def expand(self, batch_shape, _instance=None):
        if _instance is None and type(self) is VonMises:
            return VonMises(self.loc.expand(batch_shape), self.concentration.expand(batch_shape),
                            validate_args=self._validate_args)
        return self._expand_parameters(VonMises, batch_shape, _instance, "loc", "concentration")

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    @lazy_property
    def variance(self):
        """The circular variance, ``1 - I1(concentration) / I0(concentration)``."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    @lazy_property
    def _loc(self):
        return self.loc.to(dtypes.float64)

    @lazy_property
    def _concentration(self):
        return self.concentration.to(dtypes.float64)

    @lazy_property
    def _proposal_r(self):
        """The parameter r of the wrapped Cauchy proposal, by its Taylor series for small concentrations."""
        kappa = self._concentration
        tau = 1 + (1 + 4 * kappa ** 2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return fn.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho ** 2) / (2 * rho))

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Draws by rejection, in float64; all are drawn anew until each has been accepted once."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            kappa, r = self._concentration.expand(shape), self._proposal_r.expand(shape)
            x = kappa.new_zeros(shape)
            done = x != 0
            while not done.all():
                u1, u2, u3 = kappa.new_empty((3, *shape)).uniform_().unbind()
                z = fn.cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                x = fn.where(accept, (u3 - 0.5).sign() * f.acos(), x)
                done = done | accept
            return ((x + math.pi + self._loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        kappa = self.concentration
        return kappa * fn.cos(value - self.loc) - math.log(2 * math.pi) - (fn.log(i0e(kappa)) + kappa)
