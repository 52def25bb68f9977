"""Transforms of vectors and matrices: shapes, simplices, triangles, and different transforms for parts of a tensor."""

from __future__ import annotations

import math

from plugtorch.frontend import functions as fn
from plugtorch.frontend.linalg import factorizations
from plugtorch.frontend.nn.functional.activation import softplus
from plugtorch.frontend.nn.functional.padding import pad
from plugtorch.frontend.tensor import Size

from . import constraints
from .parameters import lazy_property, tril_matrix_to_vec, vec_to_tril_matrix
from .transforms import Transform, _ByClass, _clipped_sigmoid

__all__ = ["CatTransform", "CorrCholeskyTransform", "LowerCholeskyTransform", "PositiveDefiniteTransform",
           "ReshapeTransform", "SoftmaxTransform", "StackTransform", "StickBreakingTransform"]


class ReshapeTransform(Transform):
    """The trailing axes of shape ``in_shape`` as ``out_shape``, with as many elements.

    Raises:
        ValueError: the numbers of elements differ.
    """

    bijective = True

    def __init__(self, in_shape, out_shape, cache_size=0):
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if math.prod(self.in_shape) != math.prod(self.out_shape):
            raise ValueError("in_shape, out_shape have different numbers of elements")
        super().__init__(cache_size=cache_size)

    @constraints.dependent_property(is_discrete=False)
    def domain(self):
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property(is_discrete=False)
    def codomain(self):
        return constraints.independent(constraints.real, len(self.out_shape))

    def with_cache(self, cache_size=1):
        if self._cache_size == cache_size:
            return self
        return ReshapeTransform(self.in_shape, self.out_shape, cache_size=cache_size)

    def _call(self, x):
        return x.reshape((*tuple(x.shape)[:x.dim() - len(self.in_shape)], *self.out_shape))

    def _inverse(self, y):
        return y.reshape((*tuple(y.shape)[:y.dim() - len(self.out_shape)], *self.in_shape))

    def log_abs_det_jacobian(self, x, y):
        return x.new_zeros(tuple(x.shape)[:x.dim() - len(self.in_shape)])

    def _replaced(self, shape, old, new):
        shape = tuple(shape)
        if len(shape) < len(old):
            raise ValueError("Too few dimensions on input")
        cut = len(shape) - len(old)
        if shape[cut:] != tuple(old):
            raise ValueError(f"Shape mismatch: expected {Size(shape[cut:])} but got {old}")
        return Size((*shape[:cut], *new))

    def forward_shape(self, shape):
        return self._replaced(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape):
        return self._replaced(shape, self.out_shape, self.in_shape)


class SoftmaxTransform(_ByClass):
    """``y = exp(x)`` divided by its sum; the inverse takes the logarithm. Not bijective: use :class:`StickBreakingTransform`
    where that is needed."""

    domain, codomain = constraints.real_vector, constraints.simplex

    def _call(self, x):
        shifted = (x - x.max(-1, True)[0]).exp()
        return shifted / shifted.sum(-1, True)

    def _inverse(self, y):
        return y.log()

    def forward_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(_ByClass):
    """From K - 1 real numbers to a point of the simplex with K components: each number says, through a sigmoid, how much of
    what is left of a stick of length 1 is broken off (Stan Reference Manual, "Unit simplex")."""

    domain, codomain = constraints.real_vector, constraints.simplex
    bijective = True

    def _offset(self, x, count):
        """Logarithms of the numbers of pieces left, under which equal pieces are at x = 0."""
        return (count - x.new_ones(x.shape[-1]).cumsum(-1)).log()

    def _call(self, x):
        z = _clipped_sigmoid(x - self._offset(x, x.shape[-1] + 1))
        return pad(z, [0, 1], value=1) * pad((1 - z).cumprod(-1), [1, 0], value=1)

    def _inverse(self, y):
        head = y[..., :-1]
        left = (1 - head.cumsum(-1)).clamp(min=fn.finfo(y.dtype).tiny)
        return head.log() - left.log() + self._offset(head, y.shape[-1])

    def log_abs_det_jacobian(self, x, y):
        x = x - self._offset(x, x.shape[-1] + 1)
        return (-x + fn.log(_clipped_sigmoid(x)) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return Size((*shape[:-1], shape[-1] - 1))


class CorrCholeskyTransform(Transform):
    """From ``D (D - 1) / 2`` real numbers to the Cholesky factor of a D x D correlation matrix: their tanh, as a lower
    triangle, are the canonical partial correlations (Stan Reference Manual, "Cholesky factors of correlation matrices")."""

    domain, codomain = constraints.real_vector, constraints.corr_cholesky
    bijective = True

    def _call(self, x):
        x = fn.tanh(x)
        eps = fn.finfo(x.dtype).eps
        r = vec_to_tril_matrix(x.clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - r * r).sqrt().cumprod(-1)
        r = r + fn.eye(r.shape[-1], dtype=r.dtype, device=r.device)
        return r * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y):
        left = 1 - fn.cumsum(y * y, dim=-1)
        shifted = pad(left[..., :-1], [1, 0], value=1)
        t = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(shifted, diag=-1).sqrt()
        return (t.log1p() - t.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x, y, intermediates=None):
        rows = 1 - (y * y).cumsum(-1)
        half = 0.5 * tril_matrix_to_vec(rows, diag=-2).log().sum(-1)
        return half - 2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)

    def forward_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        n = shape[-1]
        size = round((0.25 + 2 * n) ** 0.5 + 0.5)
        if size * (size - 1) // 2 != n:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return Size((*shape[:-1], size, size))

    def inverse_shape(self, shape):
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return Size((*shape[:-2], shape[-1] * (shape[-1] - 1) // 2))


class LowerCholeskyTransform(_ByClass):
    """From a square matrix to a lower triangle with a positive diagonal: the exponential of the matrix' own."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.lower_cholesky

    def _call(self, x):
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y):
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_ByClass):
    """From a square matrix to a positive definite one, through its Cholesky factor."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.positive_definite

    def _call(self, x):
        x = LowerCholeskyTransform()(x)
        return x @ x.mT

    def _inverse(self, y):
        return LowerCholeskyTransform().inv(factorizations.cholesky(y))


class _Parts(Transform):
    """Transforms of the parts of a tensor along an axis."""

    def __init__(self, tseq, dim, cache_size):
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        if cache_size:
            tseq = [t.with_cache(cache_size) for t in tseq]
        super().__init__(cache_size=cache_size)
        self.transforms = list(tseq)
        self.dim = dim

    bijective = property(lambda self: all(t.bijective for t in self.transforms))

    def _check_dim(self, t):
        if not -t.dim() <= self.dim < t.dim():
            raise AssertionError(f"dim {self.dim} out of range for tensor with {t.dim()} dimensions")


class CatTransform(_Parts):
    """Transforms of consecutive stretches, of ``lengths`` (1 each by default), along axis ``dim``."""

    def __init__(self, tseq, dim=0, lengths=None, cache_size=0):
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"lengths and transforms must have the same length, got {len(self.lengths)} and "
                                 f"{len(self.transforms)}")

    @lazy_property
    def event_dim(self):
        return max(t.event_dim for t in self.transforms)

    @lazy_property
    def length(self):
        return sum(self.lengths)

    def with_cache(self, cache_size=1):
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _stretches(self, t):
        self._check_dim(t)
        if t.size(self.dim) != self.length:
            raise AssertionError(f"tensor size at dim {self.dim} must be {self.length}, got {t.size(self.dim)}")
        start, parts = 0, []
        for length in self.lengths:
            parts.append(t.narrow(self.dim, start, length))
            start += length
        return parts

    def _call(self, x):
        return fn.cat([t(p) for t, p in zip(self.transforms, self._stretches(x), strict=True)], dim=self.dim)

    def _inverse(self, y):
        return fn.cat([t.inv(p) for t, p in zip(self.transforms, self._stretches(y), strict=True)], dim=self.dim)

    def log_abs_det_jacobian(self, x, y):
        parts = []
        for t, a, b in zip(self.transforms, self._stretches(x), self._stretches(y), strict=True):
            part = t.log_abs_det_jacobian(a, b)
            if t.event_dim < self.event_dim:
                n = self.event_dim - t.event_dim
                part = part.reshape((*tuple(part.shape)[:part.dim() - n], -1)).sum(-1)
            parts.append(part)
        dim = self.dim - x.dim() if self.dim >= 0 else self.dim
        dim += self.event_dim
        if dim < 0:
            return fn.cat(parts, dim=dim)
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    @constraints.dependent_property
    def domain(self):
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self):
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(_Parts):
    """One transform for each entry along axis ``dim``."""

    def __init__(self, tseq, dim=0, cache_size=0):
        super().__init__(tseq, dim, cache_size)

    def with_cache(self, cache_size=1):
        return self if self._cache_size == cache_size else StackTransform(self.transforms, self.dim, cache_size)

    def _slice(self, z):
        return [z.select(self.dim, i) for i in range(z.size(self.dim))]

    def _entries(self, t):
        self._check_dim(t)
        if t.size(self.dim) != len(self.transforms):
            raise AssertionError(f"tensor size at dim {self.dim} must be {len(self.transforms)}, got {t.size(self.dim)}")
        return self._slice(t)

    def _call(self, x):
        return fn.stack([t(p) for t, p in zip(self.transforms, self._entries(x), strict=True)], dim=self.dim)

    def _inverse(self, y):
        return fn.stack([t.inv(p) for t, p in zip(self.transforms, self._entries(y), strict=True)], dim=self.dim)

    def log_abs_det_jacobian(self, x, y):
        parts = zip(self.transforms, self._entries(x), self._entries(y), strict=True)
        return fn.stack([t.log_abs_det_jacobian(a, b) for t, a, b in parts], dim=self.dim)

    @constraints.dependent_property
    def domain(self):
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self):
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
