"""The distribution of Lewandowski, Kurowicka and Joe over Cholesky factors of correlation matrices.

D. Lewandowski, D. Kurowicka and H. Joe, "Generating random correlation matrices based on vines and extended onion method",
Journal of Multivariate Analysis 100 (2009); samples by their onion method.
"""

from __future__ import annotations

import math

from plugtorch.autograd.mode import no_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Size

from . import constraints
from .dirichlet import Beta
from .distribution import Distribution
from .parameters import broadcast_all, normal_like

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors L of ``dim`` x ``dim`` correlation matrices M with a density of M proportional to
    ``det(M)^(concentration - 1)``: uniform for 1, near the identity for more.

    Raises:
        ValueError: ``dim`` is less than 2.
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim, concentration=1.0, validate_args=None):
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        offset = self.concentration.new_tensor([0.0, *(float(i) for i in range(dim - 1))])
        marginal = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(offset + 0.5, marginal.unsqueeze(-1) - 0.5 * offset)
        super().__init__(self.concentration.size(), (dim, dim), validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._expand_parameters(LKJCholesky, batch_shape, _instance, "concentration")
        new.dim, new._beta = self.dim, self._beta.expand((*batch_shape, self.dim))
        return new

    def sample(self, sample_shape=Size()):  # noqa: B008
        with no_grad():
            y = self._beta.sample(sample_shape).unsqueeze(-1)
            normal = normal_like(y, self._extended_shape(sample_shape)).tril(-1)
            length = normal.square().sum(-1, keepdim=True).sqrt()
            direction = fn.where(length == 0, 0.0, normal / fn.where(length == 0, 1.0, length))
            w = fn.sqrt(y) * direction
            diagonal = fn.clamp(1 - fn.sum(w ** 2, dim=-1), min=fn.finfo(w.dtype).tiny).sqrt()
            return w + diagonal.diag_embed()

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = self.concentration.new_tensor([float(i) for i in range(2, self.dim + 1)])
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        unnormalized = fn.sum(order * diagonal.log(), dim=-1)
        # The normalising constant: page 1999 of the paper, with partial correlations integrated out.
        dm1 = self.dim - 1
        alpha = self.concentration + 0.5 * dm1
        denominator = fn.lgamma(alpha) * dm1
        numerator = fn.mvlgamma(alpha - 0.5, dm1)
        return unnormalized - (0.5 * dm1 * math.log(math.pi) + numerator - denominator)
