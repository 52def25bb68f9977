"""Triangular and orthogonal factors: Cholesky, LU, QR, and products of Householder reflections."""

from __future__ import annotations

from plugtorch.autograd.function import Function
from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import int32, int64

from ..amp.casting import autocasts
from ..creation import eye
from ..dispatch import require_tensor, store, to_dtype
from ..return_types import struct
from ..selection import where
from ..shaping import unsqueeze
from .checks import (
    extremes,
    first_zero,
    floating_square,
    no_errors,
    raise_for,
    require_floating,
    require_kernel,
    require_matrix,
)

CholeskyEx = struct("linalg_cholesky_ex", ["L", "info"])
QR = struct("linalg_qr", ["Q", "R"])
Geqrf = struct("geqrf", ["a", "tau"])
LU = struct("linalg_lu", ["P", "L", "U"])
LUFactor = struct("linalg_lu_factor", ["LU", "pivots"])
LUFactorEx = struct("linalg_lu_factor_ex", ["LU", "pivots", "info"])
LUUnpack = struct("lu_unpack", ["P", "L", "U"])

NOT_DEFINITE = ("The factorization could not be completed because the input is not positive-definite (the leading minor of "
                "order {} is not positive-definite).")


def unit_matrix(n, like, rows=None):
    """The first n columns of the identity of size ``rows`` (n by default), in the dtype and on the device of a tensor."""
    return eye(n if rows is None else rows, n, dtype=like.dtype, device=like.device)


# Cholesky.

def _is_positive(diagonal):
    """Per matrix, whether all values are above 0; nan is not."""
    return (diagonal.real if diagonal.dtype.is_complex else diagonal).detach().gt(0).all(-1)


def _leading_minor(a):
    """Per matrix, the order of the first leading minor that is not positive definite, as int32, or 0: by bisection, with
    the identity in place of what follows a minor."""
    n = a._a.shape[-1]
    a = a.detach()
    good = _is_positive(apply("cholesky", (a,)).diagonal(0, -2, -1))
    low, high = to_dtype(good, int64) * 0, to_dtype(good, int64) * 0 + n
    place, unit = a.new_tensor(range(n), dtype=int64), unit_matrix(n, a)
    for _ in range((n - 1).bit_length()):
        middle = (low + high) // 2
        inside = place < unsqueeze(middle, -1)
        minor = where(unsqueeze(inside, -1) & unsqueeze(inside, -2), a, unit)
        definite = _is_positive(apply("cholesky", (minor,)).diagonal(0, -2, -1))
        low, high = where(definite, middle, low), where(definite, high, middle)
    return to_dtype(where(good, 0, high), int32)


@autocasts
def cholesky_ex(A, *, upper=False, check_errors=False, out=None):  # noqa: N803
    """The lower triangular L with ``A = L @ L^H`` of Hermitian positive definite matrices (..., n, n), of which the lower
    triangle is read, and int32 error codes (...).

    Args:
        upper: returns L^H, and reads the upper triangle.
        check_errors: raises where a code is not 0.

    Returns:
        ``(L, info)``: info is the order of the first leading minor that is not positive definite, or 0. L is nan there.

    Raises:
        RuntimeError: A is not square, or not floating.
        LinAlgError: with ``check_errors``.
    """
    return store(out, _cholesky(A, upper, "linalg.cholesky_ex" if check_errors else None))


def _cholesky(a, upper, function, checked="linalg.cholesky"):
    """The factor and error codes; raises for them in the name of ``function``."""
    require_tensor(a, "linalg_cholesky_ex", "self")
    floating_square(a, checked, "cholesky_cpu")
    read = a.mH if upper else a
    low = apply("cholesky", (read,), {"upper": upper})
    diagonal = low.detach().diagonal(0, -2, -1)
    found = extremes(diagonal.real if diagonal.dtype.is_complex else diagonal)
    info = no_errors(a) if found is not None and found[0] > 0 or not a.numel() else _leading_minor(read)
    if function:
        raise_for(info, function, NOT_DEFINITE)
    return CholeskyEx(low, info)


@autocasts
def cholesky(A, *, upper=False, out=None):  # noqa: N803
    """The lower triangular L with ``A = L @ L^H`` of Hermitian positive definite matrices (..., n, n), of which the lower
    triangle is read; ``upper`` returns L^H and reads the upper one.

    Raises:
        RuntimeError: A is not square, or not floating.
        LinAlgError: a matrix is not positive definite.
    """
    return store(out, _cholesky(A, upper, "linalg.cholesky").L)


# LU.

def _lu(a, function, pivot):
    if a.dim() < 2:
        raise RuntimeError(f"{function}: Expected tensor with 2 or more dimensions. Got size: {list(a._a.shape)} instead")
    require_kernel(a, "lu_cpu")
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    packed, pivots = apply("lu", (a,))
    return packed, pivots


def lu_factor_ex(A, *, pivot=True, check_errors=False, out=None):  # noqa: N803
    """L and U packed in one matrix, pivots and error codes, of matrices (..., m, n).

    Returns:
        ``(LU, pivots, info)``: int32 pivots (..., min(m, n)), counted from 1, with which row i was swapped with row
        ``pivots[i]``; info is the place of the first zero on U's diagonal, or 0.

    Raises:
        RuntimeError: no matrices, ``pivot=False``, or, with ``check_errors``, a zero on U's diagonal.
        NotImplementedError: the dtype is not float32, float64 or complex.
    """
    return store(out, _lu_factor(A, pivot, "torch.linalg.lu_factor_ex" if check_errors else None))


def _lu_factor(a, pivot, function):
    packed, pivots = _lu(a, "torch.lu_factor", pivot)
    info = first_zero(packed.diagonal(0, -2, -1))
    if function:
        try:
            raise_for(info, function, "U[{0},{0}] is zero and using it on lu_solve would result in a division by zero. If "
                      "you still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
                      "linalg.lu_factor_ex(A, pivot)")
        except RuntimeError as error:  # not LinAlgError: PyTorch tells these two apart
            raise RuntimeError(str(error)) from None
    return LUFactorEx(packed, pivots + 1, info)


def lu_factor(A, *, pivot=True, out=None):  # noqa: N803
    """L and U packed in one matrix, and int32 pivots counted from 1: see :func:`lu_factor_ex`.

    Raises:
        RuntimeError: no matrices, ``pivot=False``, or a zero on U's diagonal.
        NotImplementedError: the dtype is not float32, float64 or complex.
    """
    return store(out, LUFactor(*_lu_factor(A, pivot, "torch.linalg.lu_factor")[:2]))


def _permutation_matrix(order, like):
    """P with ``P @ x[order] = x``, in the dtype of a tensor."""
    rows = order.new_tensor(range(order._a.shape[-1]), dtype=int64)
    return to_dtype(unsqueeze(rows, -1).eq(unsqueeze(order, -2)), like.dtype)


def _factors(packed):
    m, n = packed._a.shape[-2:]
    size = min(m, n)
    low = packed[..., :size].tril(-1) + unit_matrix(size, packed, m)
    return low, packed[..., :size, :].triu()


def lu(A, *, pivot=True, out=None):  # noqa: N803
    """``A = P @ L @ U`` of matrices (..., m, n), with partial pivoting.

    Returns:
        ``(P, L, U)``: a permutation matrix (..., m, m), unit lower triangular L (..., m, k) and upper triangular U
        (..., k, n) with ``k = min(m, n)``.

    Raises:
        RuntimeError: no matrices, or ``pivot=False``.
        NotImplementedError: the dtype is not float32, float64 or complex.
    """
    packed, pivots = _lu(A, "linalg.lu", pivot)
    order = apply("lu_permutation", (pivots,), {"size": A._a.shape[-2]})
    return store(out, LU(_permutation_matrix(order, A), *_factors(packed)))


def row_order(pivots, size):
    """The order of rows (..., size) that pivots counted from 1 stand for."""
    return apply("lu_permutation", (pivots - 1,), {"size": size})


def lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True, *, out=None):  # noqa: N803
    """``(P, L, U)`` from what :func:`lu_factor` gives; what is not asked for is empty.

    Raises:
        RuntimeError: pivots are not int32, or none of the rows.
    """
    m, n = LU_data._a.shape[-2:]
    if unpack_pivots and LU_pivots.dtype is not int32:
        raise RuntimeError("torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\n"
                           "Note: this function is intended to be used with the output produced by torch.linalg.lu_factor")
    permutation = low = up = None
    if unpack_pivots:
        found = extremes(LU_pivots)
        if LU_pivots.numel() and found is not None and not 1 <= found[0] <= found[1] <= m:
            raise RuntimeError("pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive."
                               "Did you properly pass the result of lu_factor?")
        permutation = _permutation_matrix(row_order(LU_pivots, m), LU_data)
    if unpack_data:
        low, up = _factors(LU_data)
    empty = LU_data.new_empty(0)
    return store(out, LUUnpack(*(empty if x is None else x for x in (permutation, low, up))))


# QR.

class _OnlyR(Function):
    """R without Q, which its derivative needs."""

    @staticmethod
    def forward(ctx, a):
        return apply("qr", (a,), {"mode": "reduced"})[1]

    @staticmethod
    def backward(ctx, grad):
        raise RuntimeError("The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
                           "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr.")


@autocasts
def qr(A, mode="reduced", *, out=None):  # noqa: N803
    """Orthonormal Q and upper triangular R with ``A = Q @ R`` of matrices (..., m, n).

    Args:
        mode: "reduced" (Q of ``min(m, n)`` columns), "complete" (Q square), or "r" (Q empty).

    Raises:
        RuntimeError: another mode, no matrices, or a dtype that is not floating.
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
                           "'complete'")
    require_floating(require_matrix(A, "linalg.qr"), "linalg.qr")
    require_kernel(A, "geqrf_cpu")
    if mode == "r":
        return store(out, QR(A.new_empty(0), _OnlyR.apply(A)))
    return store(out, QR(*apply("qr", (A,), {"mode": mode})))


# Householder reflections.

@autocasts
def geqrf(input, *, out=None):
    """R in the upper triangle, and below it the vectors of the Householder reflections ``I - tau v v^H`` whose product is
    Q, for matrices (..., m, n).

    Returns:
        ``(a, tau)`` of shapes (..., m, n) and (..., min(m, n)); they have no derivative.

    Raises:
        RuntimeError: no matrices.
        NotImplementedError: the dtype is not float32, float64 or complex.
    """
    if input.dim() < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    require_kernel(input, "geqrf_cpu")
    return store(out, Geqrf(*apply("geqrf", (input,))))


def _reflections(a, tau):
    """Y (..., m, k) and T (..., k, k) with ``H_1 ... H_k = I - Y T Y^H``: the vectors, and by the compact form
    ``T = (I + D striu(Y^H Y))^-1 D`` of R. Schreiber and C. Van Loan, "A storage-efficient WY representation for products
    of Householder transformations" (1989), with ``D = diag(tau)``."""
    k = tau._a.shape[-1]
    m = a._a.shape[-2]
    vectors = a[..., :k].tril(-1) + unit_matrix(k, a, m)
    scale = tau.diag_embed() if k else a.new_zeros((*tau._a.shape[:-1], 0, 0))
    if not k:
        return vectors, scale
    system = unsqueeze(tau, -1) * (vectors.mH @ vectors).triu(1)
    return vectors, apply("solve_triangular", (system, scale), {"upper": True, "unit": True})


@autocasts
def householder_product(A, tau, *, out=None):  # noqa: N803
    """The first n columns of the product of k Householder reflections ``I - tau v v^H``, whose vectors stand below the
    diagonal of A (..., m, n), as :func:`geqrf` gives them; tau is (..., k) with ``k <= n <= m``.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    name = "torch.linalg.householder_product"
    if A.dim() < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    m, n = A._a.shape[-2:]
    if m < n:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if n < tau._a.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    if A.dim() - tau.dim() != 1:
        raise RuntimeError(f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to "
                           f"{tau.dim()} and input.ndim is equal to {A.dim()}")
    if tuple(A._a.shape[:-2]) != tuple(tau._a.shape[:-1]):
        raise RuntimeError(f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got "
                           f"{list(tau._a.shape[:-1])}")
    if tau.dtype is not A.dtype:
        raise RuntimeError(f"{name}: tau dtype {tau.dtype.legacy} does not match input dtype {A.dtype.legacy}")
    require_kernel(A, "orgqr_cpu")
    vectors, scale = _reflections(A, tau)
    return store(out, unit_matrix(n, A, m) - vectors @ (scale @ vectors[..., :n, :].mH))


@autocasts
def ormqr(input, tau, other, left=True, transpose=False, *, out=None):
    """``Q @ other`` (``left=False``: ``other @ Q``) with the square Q that is the product of Householder reflections as
    :func:`geqrf` gives them, without forming it; ``transpose`` takes Q^H.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    name = "torch.ormqr"
    for x, what in ((input, "input"), (other, "other")):
        if x.dim() < 2:
            raise RuntimeError(f"{name}: {what} must have at least 2 dimensions.")
    at = -2 if left else -1
    if other._a.shape[at] < tau._a.shape[-1]:
        raise RuntimeError(f"{name}: other.shape[{at}] must be greater than or equal to tau.shape[-1]")
    if other._a.shape[at] != input._a.shape[-2]:
        raise RuntimeError(f"{name}: other.shape[{at}] must be equal to input.shape[-2]")
    if tau._a.shape[-1] != min(other._a.shape[at], input._a.shape[-1]):
        raise RuntimeError(f"{name}: tau.shape[-1] must be equal to min(other.shape[{at}], input.shape[-1])")
    if input.dim() - tau.dim() != 1:
        raise RuntimeError(f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to "
                           f"{tau.dim()} and input.ndim is equal to {input.dim()}")
    if input.dim() != other.dim():
        raise RuntimeError(f"{name}: Expected other to have the same number of dimensions as input, but got other.ndim "
                           f"equal to {other.dim()} and input.ndim is equal to {input.dim()}")
    batch = tuple(input._a.shape[:-2])
    if tuple(tau._a.shape[:-1]) != batch:
        raise RuntimeError(f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got "
                           f"{list(tau._a.shape[:-1])}")
    if tuple(other._a.shape[:-2]) != batch:
        raise RuntimeError(f"{name}: Expected batch dimensions of other to be equal to input.shape[:-2], but got "
                           f"{list(other._a.shape[:-2])}")
    if tau.dtype is not input.dtype:
        raise RuntimeError(f"{name}: Expected input and tau to have the same dtype, but input has dtype "
                           f"{input.dtype.legacy} and tau has dtype {tau.dtype.legacy}")
    if other.dtype is not input.dtype:
        raise RuntimeError(f"{name}: Expected input and other to have the same dtype, but input has dtype "
                           f"{input.dtype.legacy} and other has dtype {other.dtype.legacy}")
    require_kernel(input, "ormqr_cpu")
    vectors, scale = _reflections(input, tau)
    if transpose:
        scale = scale.mH
    if left:
        return store(out, other - vectors @ (scale @ (vectors.mH @ other)))
    return store(out, other - ((other @ vectors) @ scale) @ vectors.mH)
