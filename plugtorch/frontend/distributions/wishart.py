"""The Wishart distribution of positive definite matrices.

C. M. Bishop, "Pattern Recognition and Machine Learning", appendix B; samples by Bartlett's decomposition (W. B. Smith and
R. R. Hocking, Algorithm AS 53, Applied Statistics 21, 1972).
"""

from __future__ import annotations

import math
import warnings

from plugtorch.frontend import functions as fn
from plugtorch.frontend.dispatch import is_tensor
from plugtorch.frontend.linalg import factorizations
from plugtorch.frontend.tensor import Size

from . import constraints
from .exp_family import ExponentialFamily
from .gamma import Chi2
from .multivariate_normal import MatrixParameter, half_log_det, solve_lower
from .parameters import normal_like, vec_to_tril_matrix

__all__ = ["Wishart"]


def _mvdigamma(x, p):
    """The derivative of the multivariate log gamma function of dimension p."""
    return fn.digamma(x.unsqueeze(-1) - x.new_tensor([0.5 * i for i in range(p)]).expand((*x.shape, p))).sum(-1)


class Wishart(MatrixParameter, ExponentialFamily):
    """``|X|^((df - p - 1) / 2) exp(-tr(V^-1 X) / 2) / (2^(df p / 2) |V|^(df / 2) Gamma_p(df / 2))``.

    Args:
        df: degrees of freedom, above p - 1.
        covariance_matrix: V (..., p, p), positive definite; or
        precision_matrix: its inverse; or
        scale_tril: its Cholesky factor.

    Raises:
        ValueError: none or several of the three are given, too few axes, or too small a df.
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        given = {"scale_tril": scale_tril, "covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix}
        given = {name: m for name, m in given.items() if m is not None}
        if len(given) != 1:
            raise ValueError("Expected exactly one of covariance_matrix or precision_matrix or scale_tril to be specified.")
        ((name, matrix),) = given.items()
        if matrix.dim() < 2:
            raise ValueError(f"{name} must be at least two-dimensional, with optional leading batch dimensions")
        df = df if is_tensor(df) else matrix.new_tensor(float(df))
        batch_shape = fn.broadcast_shapes(tuple(matrix.shape)[:-2], tuple(df.shape))
        event_shape = matrix.shape[-2:]
        self.df = df.expand(batch_shape)
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        self._event_shape = event_shape
        if self.df.le(event_shape[-1] - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {event_shape[-1] - 1}.")
        self._set_unbroadcasted(covariance_matrix, precision_matrix, scale_tril)
        self._dist_chi2 = Chi2(self._chi2_df(self.df))
        super().__init__(batch_shape, event_shape, validate_args=validate_args)
        if self.df.lt(event_shape[-1]).any():
            warnings.warn("Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                          stacklevel=2)

    @property
    def arg_constraints(self):
        return {"covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
                "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self._event_shape[-1] - 1)}

    def _chi2_df(self, df):
        """Degrees of freedom of the diagonal entries of Bartlett's factor."""
        n = self._event_shape[-1]
        return df.unsqueeze(-1) - df.new_tensor([float(i) for i in range(n)]).expand((*df.shape, n))

    def expand(self, batch_shape, _instance=None):
        n = self._event_shape[-1]
        df = self.df.expand(tuple(batch_shape))
        new = self._expanded(Wishart, batch_shape, _instance, df=df,
                             _dist_chi2=Chi2(self._chi2_df(df)))
        self._expand_matrices(new, (*batch_shape, n, n))
        return new

    mean = property(lambda self: self.df[..., None, None] * self.covariance_matrix)

    @property
    def mode(self):
        factor = self.df - self.covariance_matrix.shape[-1] - 1
        factor = fn.where(factor <= 0, math.nan, factor)
        return factor[..., None, None] * self.covariance_matrix

    @property
    def variance(self):
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self.df[..., None, None] * (v.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape=Size()):  # noqa: B008
        n = self._event_shape[-1]
        diagonal = self._dist_chi2.rsample(sample_shape).clamp(min=fn.finfo(self.df.dtype).tiny).sqrt().diag_embed()
        below = normal_like(self._unbroadcasted_scale_tril, (*sample_shape, *self._batch_shape, n * (n - 1) // 2))
        factor = self._unbroadcasted_scale_tril @ (diagonal + vec_to_tril_matrix(below, diag=-1) if n > 1 else diagonal)
        return factor @ factor.mT

    def rsample(self, sample_shape=Size(), max_try_correction=None):  # noqa: B008
        """Draws; those that are singular in floating point are drawn again, ``max_try_correction`` times (10) at most."""
        sample_shape = Size(sample_shape)
        self._bartlett_sampling(sample_shape)  # PyTorch takes what is regular at first for singular, and draws once more
        sample = self._bartlett_sampling(sample_shape)
        for _ in range(10 if max_try_correction is None else max_try_correction):
            singular = ~self.support.check(sample)
            if not singular.any():
                break
            warnings.warn("Singular sample detected.", stacklevel=2)
            sample = fn.where(singular[..., None, None], self._bartlett_sampling(sample_shape), sample)
        return sample

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        nu, p, low = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        factor = factorizations.cholesky(value)
        trace = solve_lower(low, factor).pow(2).sum((-2, -1))
        return (-nu * (p * math.log(2) / 2 + half_log_det(low)) - fn.mvlgamma(nu / 2, p=p)
                + (nu - p - 1) * half_log_det(factor) - trace / 2)

    def entropy(self):
        nu, p = self.df, self._event_shape[-1]
        return ((p + 1) * (p * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril)) + fn.mvlgamma(nu / 2, p=p)
                - (nu - p - 1) / 2 * _mvdigamma(nu / 2, p=p) + nu * p / 2)

    @property
    def _natural_params(self):
        return self.df / 2, -self.precision_matrix / 2

    def _log_normalizer(self, x, y):
        p = self._event_shape[-1]
        return x * (p * math.log(2) - 2 * half_log_det(factorizations.cholesky(-2 * y))) + fn.mvlgamma(x, p=p)
