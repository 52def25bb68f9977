"""Norms of vectors and of matrices, and what is scaled by them."""

from __future__ import annotations

import math

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import FLOAT

from ..amp.casting import autocasts
from ..dispatch import is_tensor, normalize_axes, normalize_axis, require_tensor, store, to_dtype
from ..methods import exporter, inplace_twin, method
from ..selection import where
from .checks import require_floating, require_matrix
from .spectra import svdvals

__all__: list[str] = []
_export = exporter(__all__)


def _in_dtype(x, dtype, function):
    """The tensor in the dtype that a norm is to be computed in.

    Raises:
        RuntimeError: neither is floating, or the dtype would lose what the tensor holds.
    """
    if dtype is None:
        return require_floating(x, function)
    if dtype.category < FLOAT:
        raise RuntimeError(f"{function}: dtype should be floating point or complex. Got {dtype.legacy}")
    if dtype.is_complex is not x.dtype.is_complex:
        kind = "complex" if x.dtype.is_complex else "real"
        raise RuntimeError(f"{function}: dtype should be {kind} for {kind} inputs, but got {dtype.legacy}")
    from ..info import finfo

    if x.dtype.differentiable and finfo(dtype).bits < finfo(x.dtype).bits:
        raise RuntimeError(f"{function}: the dtype of the input ({x.dtype.legacy}) should be convertible without narrowing "
                           f"to the specified dtype ({dtype.legacy})")
    return to_dtype(x, dtype)


@autocasts
def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None, out=None):
    """``sum(abs(x) ** ord) ** (1 / ord)`` over dimensions (all by default), in the real dtype; the greatest or least
    absolute value for ord inf and -inf, and the number of values that are not 0 for ord 0.

    Raises:
        RuntimeError: the dtype is not floating, or a dimension of size 0 has no norm of this order.
    """
    name = "linalg.vector_norm"
    require_tensor(x, "linalg_vector_norm")
    x = _in_dtype(x, dtype, name)
    axis = normalize_axes(None if isinstance(dim, (tuple, list)) and not dim else dim, x.dim())
    order = float(ord)
    if x.numel() == 0 and (order < 0 or math.isinf(order)):
        if dim is None or isinstance(dim, (tuple, list)) and not dim:
            raise RuntimeError(f"{name} cannot compute the {ord} norm on an empty tensor because the operation does not "
                               "have an identity")
        empty = next((i for i in axis if x._a.shape[i] == 0), None)
        if empty is not None:
            raise RuntimeError(f"{name} cannot compute the {ord} norm on the dimension {empty} because this dimension is "
                               "empty and the operation does not have an identity")
    return store(out, apply("norm", (x,), {"p": order, "axis": axis, "keepdims": keepdim}))


_WORDS = ("fro", "nuc")


def _matrix_dims(a, dim):
    """Two different dimensions >= 0.

    Raises:
        RuntimeError: they are not two, or the same.
        IndexError: one is out of range.
    """
    dim = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dim))}")
    first, second = (normalize_axis(d, a.dim()) for d in dim)
    if first == second:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    return first, second


@autocasts
def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None, out=None):  # noqa: N803
    """Norms of matrices in two dimensions: "fro" (root of the sum of squares), "nuc" (sum of singular values), 2 and -2
    (greatest and least singular value), inf and -inf (of sums of absolute values along rows), 1 and -1 (along columns).

    Raises:
        RuntimeError: another order, no matrices, dimensions that do not fit, or a dtype that is not floating.
    """
    name = "linalg.matrix_norm"
    require_matrix(A, name)
    if isinstance(ord, str):
        if ord not in _WORDS:
            raise RuntimeError(f"{name}: Order {ord} not supported.")
    elif abs(ord) not in (1, 2, math.inf):
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    first, second = _matrix_dims(A, dim)
    a = _in_dtype(A, dtype, name)
    if ord == "fro":
        return store(out, vector_norm(a, 2, (first, second), keepdim))
    if ord == "nuc" or abs(ord) == 2:
        moved = a.movedim((first, second), (-2, -1))
        s = svdvals(moved)
        y = s.sum(-1) if ord == "nuc" else s.amax(-1) if ord > 0 else s.amin(-1)
        if keepdim:
            for d in sorted((first, second)):
                y = y.unsqueeze(d)
        return store(out, y)
    if abs(ord) == 1:
        first, second = second, first
    sums = vector_norm(a, 1, second, keepdim)
    if not keepdim and first > second:
        first -= 1
    return store(out, sums.amax(first, keepdim) if ord > 0 else sums.amin(first, keepdim))


def linalg_norm(input, ord=None, dim=None, keepdim=False, *, out=None, dtype=None):
    """A vector's or a matrix' norm: of the flattened tensor if ``ord`` and ``dim`` are None; of matrices if ``dim`` is a
    pair, or None with a tensor of two dimensions; of vectors otherwise.

    Raises:
        RuntimeError: the order, the dimensions or the dtype do not fit.
    """
    dims = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if dims is not None:
        if len(dims) not in (1, 2):
            raise RuntimeError("linalg.norm: If dim is specified, it must be of length 1 or 2. Got "
                               f"[{', '.join(map(str, dims))}]")
    elif ord is not None and input.dim() not in (1, 2):
        raise RuntimeError("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                           f"{input.dim()}D.")
    if isinstance(ord, str) or ord is not None and (dims is not None and len(dims) == 2 or dims is None
                                                    and input.dim() == 2):
        return matrix_norm(input, ord, (-2, -1) if dims is None else dims, keepdim, dtype=dtype, out=out)
    return vector_norm(input, 2 if ord is None else ord, dims, keepdim, dtype=dtype, out=out)


linalg_norm.__name__ = linalg_norm.__qualname__ = "norm"


@_export
@method
@autocasts
def norm(input, p="fro", dim=None, keepdim=False, out=None, dtype=None):
    """A norm of all elements or over dimensions, the older form: "fro" and numbers are vector norms, "nuc" is the sum of
    the singular values of matrices in two dimensions.

    Raises:
        RuntimeError: the dtype is not floating, or an order that is not known.
    """
    if isinstance(p, str) and p not in ("fro", "nuc", "inf", "-inf"):
        raise RuntimeError(f"only valid string values are 'fro' and 'nuc', found {p}")
    if p == "nuc":
        if dim is None:
            return matrix_norm(input, "nuc", (-2, -1) if input.dim() == 2 else (0, 1), keepdim, dtype=dtype, out=out)
        return matrix_norm(input, "nuc", dim, keepdim, dtype=dtype, out=out)
    order = 2.0 if p in ("fro", None) else float(p)
    return vector_norm(input, order, dim, keepdim, dtype=dtype, out=out)


@_export
@autocasts
def nuclear_norm(input, dim=None, keepdim=False, *, out=None):
    """The sum of the singular values of matrices in two dimensions, by default of a matrix."""
    return matrix_norm(input, "nuc", (0, 1) if dim is None else dim, keepdim, out=out)


@_export
@autocasts
def frobenius_norm(input, dim, keepdim=False, *, out=None):
    """The root of the sum of squares over one or two dimensions (all, for an empty list)."""
    return vector_norm(input, 2, dim, keepdim, out=out)


@_export
def norm_except_dim(v, pow=2, dim=0):
    """The vector norm of order ``pow`` over all dimensions but one, which stays; -1 keeps none."""
    if dim == -1:
        return norm(v, pow)
    kept = normalize_axis(dim, v.dim())
    return vector_norm(v, pow, [d for d in range(v.dim()) if d != kept] or None, True) if v.dim() > 1 else v.abs()


@_export
@method
@named("RenormBackward0")
@autocasts
def renorm(input, p, dim, maxnorm, *, out=None):
    """Slices along ``dim`` whose norm of order p exceeds ``maxnorm`` scaled by ``maxnorm / (norm + 1e-7)``, the others as
    they are.

    Raises:
        RuntimeError: p is not positive, maxnorm is negative, or the tensor has fewer than two dimensions.
    """
    if is_tensor(p) or isinstance(p, complex):
        raise RuntimeError("renorm: p must be real-valued")
    if p <= 0:
        raise RuntimeError("renorm: non-positive norm not supported")
    if isinstance(maxnorm, complex):
        raise RuntimeError("renorm: maxnorm must be real-valued")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")
    if input.dim() < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.dim()} dimensions")
    require_floating(input, "linalg.vector_norm")
    kept = normalize_axis(dim, input.dim())
    size = vector_norm(input, p, [d for d in range(input.dim()) if d != kept], True)
    factor = where(size > maxnorm, maxnorm / (size + 1e-7), 1.0)
    return store(out, input * to_dtype(factor, input.dtype))


inplace_twin(renorm)
