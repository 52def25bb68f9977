"""The multivariate normal distribution.

S. Kotz, N. Balakrishnan and N. L. Johnson, "Continuous Multivariate Distributions", volume 1, chapter 45.
"""

from __future__ import annotations

import math

from plugtorch.frontend import functions as fn
from plugtorch.frontend.linalg import factorizations, solvers
from plugtorch.frontend.tensor import Size

from . import constraints
from .distribution import Distribution
from .parameters import lazy_property, normal_like

__all__ = ["MultivariateNormal"]


def _batch_mv(bmat, bvec):
    """Products of matrices (..., n, m) and vectors (..., m), broadcast."""
    return fn.matmul(bmat, bvec.unsqueeze(-1)).squeeze(-1)


def solve_lower(low, b):
    """X with ``low @ X = b`` for lower triangular matrices, batches broadcast."""
    batch = fn.broadcast_shapes(tuple(low.shape)[:-2], tuple(b.shape)[:-2])
    return solvers.solve_triangular(low.expand((*batch, *low.shape[-2:])), b.expand((*batch, *b.shape[-2:])), upper=False)


def identity_like(matrix):
    """The identity with the size of a square matrix' last axis, its dtype and its backend."""
    return matrix.new_ones(matrix.shape[-1]).diag_embed()


def _batch_mahalanobis(low, x):
    """``x^T (L L^T)^-1 x`` for vectors (..., n) and lower triangular L (..., n, n), broadcast."""
    return solve_lower(low, x.unsqueeze(-1)).pow(2).sum(-2).squeeze(-1)


def half_log_det(low):
    """Half the log determinant of ``L L^T``."""
    return low.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def inverse_of(low):
    """The inverse of ``L L^T``."""
    inverse = solve_lower(low, identity_like(low))
    return inverse.mT @ inverse


def _precision_to_scale_tril(precision):
    """The Cholesky factor of the inverse, by that of the matrix turned around."""
    turned = factorizations.cholesky(fn.flip(precision, (-2, -1)))
    return solve_lower(fn.flip(turned, (-2, -1)).mT, identity_like(precision))


class MatrixParameter:
    """One of covariance, precision and Cholesky factor, and the others from it."""

    @lazy_property
    def scale_tril(self):
        """The Cholesky factor of the covariance."""
        return self._unbroadcasted_scale_tril.expand(self._matrix_shape())

    @lazy_property
    def covariance_matrix(self):
        """The covariance."""
        low = self._unbroadcasted_scale_tril
        return (low @ low.mT).expand(self._matrix_shape())

    @lazy_property
    def precision_matrix(self):
        """The inverse of the covariance."""
        return inverse_of(self._unbroadcasted_scale_tril).expand(self._matrix_shape())

    def _matrix_shape(self):
        n = self._event_shape[-1]
        return (*self._batch_shape, n, n)

    def _expand_matrices(self, new, shape):
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        for name in ("covariance_matrix", "scale_tril", "precision_matrix"):
            if name in self.__dict__:
                setattr(new, name, self.__dict__[name].expand(shape))

    def _set_unbroadcasted(self, covariance_matrix, precision_matrix, scale_tril):
        if scale_tril is not None:
            self._unbroadcasted_scale_tril = scale_tril
        elif covariance_matrix is not None:
            self._unbroadcasted_scale_tril = factorizations.cholesky(covariance_matrix)
        else:
            self._unbroadcasted_scale_tril = _precision_to_scale_tril(precision_matrix)


class MultivariateNormal(MatrixParameter, Distribution):
    """``exp(-(x - loc)^T S^-1 (x - loc) / 2) / sqrt((2 pi)^n det S)``.

    Args:
        loc: the mean (..., n).
        covariance_matrix: S (..., n, n), positive definite; or
        precision_matrix: its inverse; or
        scale_tril: its Cholesky factor.

    Raises:
        ValueError: none or several of the three are given, or shapes have too few axes.
    """

    arg_constraints = {"loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
                       "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {"scale_tril": scale_tril, "covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix}
        given = {name: m for name, m in given.items() if m is not None}
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        ((name, matrix),) = given.items()
        if matrix.dim() < 2:
            subject = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{subject} must be at least two-dimensional, with optional leading batch dimensions")
        batch_shape = fn.broadcast_shapes(tuple(matrix.shape)[:-2], tuple(loc.shape)[:-1])
        setattr(self, name, matrix.expand((*batch_shape, -1, -1)))
        self.loc = loc.expand((*batch_shape, -1))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        self._set_unbroadcasted(covariance_matrix, precision_matrix, scale_tril)

    def expand(self, batch_shape, _instance=None):
        n = self.event_shape[0]
        new = self._expanded(MultivariateNormal, batch_shape, _instance, loc=self.loc.expand((*batch_shape, n)))
        self._expand_matrices(new, (*batch_shape, n, n))
        return new

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    @property
    def variance(self):
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        eps = normal_like(self.loc, self._extended_shape(sample_shape))
        return self.loc + _batch_mv(self._unbroadcasted_scale_tril, eps)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        low = self._unbroadcasted_scale_tril
        m = _batch_mahalanobis(low, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + m) - half_log_det(low)

    def entropy(self):
        h = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + half_log_det(self._unbroadcasted_scale_tril)
        return h if len(self._batch_shape) == 0 else h.expand(self._batch_shape)
