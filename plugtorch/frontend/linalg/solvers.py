"""Systems of linear equations, inverses and least squares."""

from __future__ import annotations

import math

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec.abstract import broadcast_shapes
from plugtorch.spec.dtypes import HALF, int32, int64

from ..amp.casting import autocasts
from ..dispatch import is_tensor, require_tensor, store, to_dtype
from ..return_types import struct
from ..shaping import expand, permute, reshape, squeeze, transpose, unsqueeze
from .checks import (
    all_finite,
    eps_of,
    extremes,
    first_zero,
    floating_square,
    no_errors,
    raise_for,
    require_floating,
    require_kernel,
    require_matrix,
    require_square,
)
from .factorizations import row_order, unit_matrix
from .spectra import reduced_svd

SolveEx = struct("linalg_solve_ex", ["result", "info"])
InvEx = struct("linalg_inv_ex", ["inverse", "info"])
Lstsq = struct("linalg_lstsq", ["solution", "residuals", "rank", "singular_values"])
SINGULAR = "the input matrix is singular."


def _pivot_codes(a, result):
    """Per matrix the place of the first zero pivot, as int32, or 0; sought only where the result is not finite."""
    if all_finite(result) and extremes(result.detach().real if result.dtype.is_complex else result) is not None:
        return no_errors(a)
    return first_zero(apply("lu", (a.detach(),))[0].diagonal(0, -2, -1))


def _same_dtype(a, b, function, names=("A", "B")):
    if a.dtype is not b.dtype:
        raise RuntimeError(f"{function}: Expected {names[0]} and {names[1]} to have the same dtype, but found {names[0]} of "
                           f"type {a.dtype.legacy} and {names[1]} of type {b.dtype.legacy} instead")


def _fitting(a, b, left, function):
    """Raises unless ``a @ x = b`` (``x @ a = b``) has fitting sizes."""
    m, n = b._a.shape[-2:]
    if (m if left else n) != a._a.shape[-2]:
        raise RuntimeError(f"{function}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
                           f"({a._a.shape[-2]}x{a._a.shape[-1]} and {m}x{n})")


def _batches(a, b):
    """Both with their leading dimensions broadcast.

    Raises:
        RuntimeError: these do not broadcast.
    """
    batch = broadcast_shapes(tuple(a._a.shape[:-2]), tuple(b._a.shape[:-2]))
    return (expand(x, *batch, *x._a.shape[-2:]) if tuple(x._a.shape[:-2]) != batch else x for x in (a, b))


def _solve(a, b, left, function=None):
    floating_square(a, "linalg.solve", None)
    _same_dtype(a, b, "linalg.solve")
    # One vector, or a batch of vectors whose shape is that of A without a dimension.
    vector = b.dim() == 1 or a.dim() == b.dim() + 1 and tuple(b._a.shape) == tuple(a._a.shape[:-1])
    if vector:
        if not left:
            raise RuntimeError("linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In "
                               "this case linalg.solve is equivalent to B / A.squeeze(-1)")
        b = unsqueeze(b, -1)
    require_matrix(b, "linalg.solve", "B")
    _fitting(a, b, left, "linalg.solve")
    require_kernel(a, "lu_cpu")
    if left:
        x = apply("solve", (a, b))
    else:
        x = transpose(apply("solve", (transpose(a, -2, -1), transpose(b, -2, -1))), -2, -1)
    info = _pivot_codes(a, x)
    if function:
        raise_for(info, function, f"The solver failed because {SINGULAR}")
    return SolveEx(squeeze(x, -1) if vector else x, info)


def solve_ex(A, B, *, left=True, check_errors=False, out=None):  # noqa: N803
    """``(result, info)``: the solution as of :func:`solve`, and int32 codes (...), per matrix the place of the first zero
    pivot, or 0. Singular systems raise nothing unless ``check_errors``.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
        LinAlgError: with ``check_errors``, a matrix is singular.
    """
    return store(out, _solve(A, B, left, "torch.linalg.solve_ex" if check_errors else None))


@autocasts
def solve(A, B, *, left=True, out=None):  # noqa: N803
    """X with ``A @ X = B`` (``left=False``: ``X @ A = B``) for square A (..., n, n); leading dimensions broadcast. B is a
    vector (n,), a batch of vectors whose shape is A's without the last dimension, or matrices (..., n, k).

    Raises:
        RuntimeError: shapes or dtypes do not fit.
        LinAlgError: a matrix is singular.
    """
    return store(out, _solve(A, B, left, "torch.linalg.solve").result)


def solve_triangular(A, B, *, upper, left=True, unitriangular=False, out=None):  # noqa: N803
    """X with ``A @ X = B`` (``left=False``: ``X @ A = B``) for triangular A, of which the other triangle, and with
    ``unitriangular`` the diagonal, is not read. A zero on the diagonal gives infinities.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
        NotImplementedError: the dtype is not float32, float64 or complex.
    """
    name = "linalg.solve_triangular"
    require_square(A, name)
    require_matrix(B, name, "B")
    _same_dtype(A, B, name)
    _fitting(A, B, left, name)
    require_kernel(A, "triangular_solve_cpu")
    params = {"upper": bool(upper) is bool(left), "unit": bool(unitriangular)}
    if left:
        return store(out, apply("solve_triangular", (A, B), params))
    turned = apply("solve_triangular", (transpose(A, -2, -1), transpose(B, -2, -1)), params)
    return store(out, transpose(turned, -2, -1))


def _inv(a, function=None):
    require_floating(require_square(a, "linalg.inv"), "linalg.inv")
    if a.dtype in HALF:
        raise RuntimeError(f"linalg.inv: Low precision dtypes not supported. Got {a.dtype.legacy}")
    inverse = apply("solve", (a, expand(unit_matrix(a._a.shape[-1], a), *a._a.shape)))
    info = _pivot_codes(a, inverse)
    if function:
        raise_for(info, function, f"The diagonal element {{}} is zero, the inversion could not be completed because "
                                  f"{SINGULAR}")
    return InvEx(inverse, info)


@named("LinalgInvExBackward0")
@autocasts
def inv(A, *, out=None):  # noqa: N803
    """The inverses of square matrices.

    Raises:
        RuntimeError: A is not square, or not floating.
        LinAlgError: a matrix is singular.
    """
    return store(out, _inv(A, "linalg.inv").inverse)


@named("LinalgInvExBackward0")
@autocasts
def inv_ex(A, *, check_errors=False, out=None):  # noqa: N803
    """``(inverse, info)``: inverses, and int32 codes (...), per matrix the place of the first zero pivot, or 0.

    Raises:
        RuntimeError: A is not square, or not floating.
        LinAlgError: with ``check_errors``, a matrix is singular.
    """
    return store(out, _inv(A, "linalg.inv_ex" if check_errors else None))


# With factors that are given.

@autocasts
def lu_solve(LU, pivots, B, *, left=True, adjoint=False, out=None):  # noqa: N803
    """X with ``A @ X = B`` (``left=False``: ``X @ A = B``; ``adjoint``: A^H in place of A), from A's packed factors (..., n,
    n) and pivots (..., n) as ``lu_factor`` gives them.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
        NotImplementedError: the dtype is not float32, float64 or complex.
    """
    name = "linalg.lu_solve"
    if LU.dtype is not B.dtype:
        raise RuntimeError(f"linalg.lu_solve: Expected LU and B to have the same dtype, but found LU of type "
                           f"{LU.dtype.legacy} and B of type {B.dtype.legacy} instead")
    if pivots.dtype is not int32:
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    require_square(LU, "torch.linalg.lu_solve", "LU")
    require_matrix(B, name, "B")
    _fitting(LU, B, left, name)
    if LU._a.shape[-1] != pivots._a.shape[-1]:
        raise RuntimeError("linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix")
    if tuple(LU._a.shape[:-2]) != tuple(pivots._a.shape[:-1]):
        raise RuntimeError(f"linalg.lu_solve: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with "
                           f"shape {list(pivots._a.shape)} instead")
    require_kernel(LU, "linalg.lu_solve_cpu")
    if not left:  # (X A)^H = A^H X^H
        return store(out, lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH)
    order = row_order(pivots, LU._a.shape[-1])
    if not adjoint:
        x = _in_order(B, order)
        x = apply("solve_triangular", (LU, x), {"upper": False, "unit": True})
        return store(out, apply("solve_triangular", (LU, x), {"upper": True, "unit": False}))
    turned = LU.mH
    x = apply("solve_triangular", (turned, B), {"upper": False, "unit": False})
    x = apply("solve_triangular", (turned, x), {"upper": True, "unit": True})
    return store(out, _in_order(x, order.argsort(-1)))


def _in_order(b, order):
    """Rows of matrices in the order (..., n), leading dimensions broadcast."""
    batch = broadcast_shapes(tuple(b._a.shape[:-2]), tuple(order._a.shape[:-1]))
    shape = (*batch, *b._a.shape[-2:])
    spread = expand(unsqueeze(order, -1), *shape)
    return apply("gather", (expand(b, *shape), spread), {"axis": len(shape) - 2})


@autocasts
def cholesky_solve(B, L, upper=False, *, out=None):  # noqa: N803
    """X with ``A @ X = B`` from the Cholesky factor L of A (..., n, n), or with ``upper`` its conjugate transpose.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
        NotImplementedError: the dtype is not float32, float64 or complex.
    """
    require_tensor(B, "cholesky_solve")
    for x, name in ((B, "b"), (L, "u")):
        if x.dim() < 2:
            raise RuntimeError(f"{name} should have at least 2 dimensions, but has {x.dim()} dimensions instead")
    if L._a.shape[-1] != L._a.shape[-2]:
        raise RuntimeError(f"cholesky_solve: A must be batches of square matrices, but they are {L._a.shape[-2]} by "
                           f"{L._a.shape[-1]} matrices")
    if L._a.shape[-2] != B._a.shape[-2]:
        raise RuntimeError(f"Incompatible matrix sizes for cholesky_solve: each A matrix is {L._a.shape[-1]} by "
                           f"{L._a.shape[-1]} but each b matrix is {B._a.shape[-2]} by {B._a.shape[-1]}")
    if B.dtype is not L.dtype:
        raise RuntimeError(f"Expected b and A to have the same dtype, but found b of type {B.dtype.legacy} and A of type "
                           f"{L.dtype.legacy} instead.")
    require_kernel(B, "cholesky_solve_cpu")
    return store(out, apply("cholesky_solve", (B, L), {"upper": bool(upper)}))


@named("CholeskyInverseBackward0")
@autocasts
def cholesky_inverse(L, upper=False, *, out=None):  # noqa: N803
    """The inverse of A from its Cholesky factor L (..., n, n), or with ``upper`` its conjugate transpose.

    Raises:
        RuntimeError: L is not square.
        NotImplementedError: the dtype is not float32, float64 or complex.
    """
    require_kernel(require_square(L, "cholesky_inverse"), "cholesky_inverse_out_cpu")
    unit = expand(unit_matrix(L._a.shape[-1], L), *L._a.shape)
    return store(out, apply("cholesky_solve", (unit, L), {"upper": bool(upper)}))


# Least squares.

_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


@autocasts
def lstsq(A, B, rcond=None, *, driver=None, out=None):  # noqa: N803
    """X of least norm among those that minimise ``norm(A @ X - B)``, for matrices A (..., m, n) and B (..., m, k) or
    vectors (..., m); through singular values, whichever driver is named.

    Args:
        rcond: singular values not above ``rcond`` times the greatest count as 0; by default ``eps * max(m, n)``.
        driver: "gels" (takes A for one of full rank), "gelsy" (default), "gelsd" or "gelss"; says what is returned.

    Returns:
        ``(solution, residuals, rank, singular_values)``: squared residuals (..., k) if ``m > n``, all ranks are n and the
        driver is not gelsy, else empty; int64 ranks, empty for gels; singular values for gelsd and gelss, else empty.

    Raises:
        RuntimeError: shapes, dtypes or the driver do not fit.
    """
    name = "torch.linalg.lstsq"
    if A.dim() < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if B.dim() < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension.")
    if A.dtype is not B.dtype:
        raise RuntimeError(f"{name}: Expected input and other to have the same dtype, but got input's dtype "
                           f"{A.dtype.legacy} and other's dtype {B.dtype.legacy}")
    drop = A.dim() - B.dim()
    if not 0 <= drop <= 1:
        raise RuntimeError(f"{name}: input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) "
                           "<= 1")
    vector = drop == 1
    m, n = A._a.shape[-2:]
    rhs = unsqueeze(B, -1) if vector else B
    if rhs._a.shape[-2] != m:
        at = -1 if vector else -2
        raise RuntimeError(f"{name}: input.size(-2) should match other.size({at})")
    if driver is not None and driver not in _DRIVERS:
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    driver = driver or "gelsy"
    if A.dtype in HALF or not A.dtype.differentiable:
        raise RuntimeError("This function doesn't handle types other than float and double")
    a, rhs = _batches(A, rhs)
    default = eps_of(A.dtype) * max(m, n)
    if rcond is None:
        rcond = default
    elif is_tensor(rcond):
        rcond = rcond.item()
    u, s, v = reduced_svd(a.detach())
    rank = (s > rcond * s.amax(-1, keepdim=True)).sum(-1) if min(m, n) else \
        to_dtype(no_errors(a), int64)
    solution = apply("pinv", (a, 0.0, 0.0 if driver == "gels" else float(rcond))) @ rhs
    full = driver == "gels" or driver != "gelsy" and extremes(rank) == (n, n)
    residuals = reshape(solution.real if solution.dtype.is_complex else solution, (-1,))[:0]
    if m > n and full and driver != "gelsy":
        rest = a @ solution - rhs
        residuals = (rest * rest.conj()).real.sum(-2) if rest.dtype.is_complex else (rest * rest).sum(-2)
    values = s if driver in ("gelsd", "gelss") else s.new_empty(0)
    return store(out, Lstsq(squeeze(solution, -1) if vector else solution, residuals,
                            rank if driver != "gels" else rank.new_empty(0), values))


# Tensors as matrices.

@autocasts
def tensorinv(A, ind=2, *, out=None):  # noqa: N803
    """The inverse of A as the map that ``tensordot(A, ., A.ndim - ind)`` is: the product of the first ``ind`` sizes equals
    that of the others, and the result's shape is ``A.shape[ind:] + A.shape[:ind]``.

    Raises:
        RuntimeError: sizes do not fit, or A is singular.
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    shape = tuple(A._a.shape)
    start, end = shape[:ind], shape[ind:]
    if math.prod(start) != math.prod(end):
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but "
                           f"got {math.prod(end)} != {math.prod(start)}")
    size = math.prod(end)
    result, info = inv_ex(reshape(A, (size, size)))
    raise_for(info, "inverse", f"The diagonal element {{}} is zero, the inversion could not be completed because {SINGULAR}")
    return store(out, reshape(result, (*end, *start)))


@autocasts
def tensorsolve(A, B, dims=None, *, out=None):  # noqa: N803
    """X with ``tensordot(A, X, X.ndim) = B``; ``dims`` of A are moved last before.

    Raises:
        RuntimeError: sizes do not fit, or A is singular.
    """
    if dims is not None:
        moved = [d % A.dim() for d in dims]
        A = permute(A, (*(d for d in range(A.dim()) if d not in moved), *moved))  # noqa: N806
    shape = tuple(A._a.shape)
    unknown, known = shape[B.dim():], shape[:B.dim()]
    if math.prod(unknown) != math.prod(known):
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
                           f"prod(self.shape[:other.ndim]), but got {math.prod(unknown)} != {math.prod(known)}")
    size = math.prod(unknown)
    x = solve(reshape(A, (size, size)), reshape(B, (-1,)))
    return store(out, reshape(x, unknown))
