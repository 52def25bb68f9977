"""Factors of symmetric and Hermitian matrices that need not be definite: ``A = L @ D @ L^T`` with pivoting."""

from __future__ import annotations

import math

from plugtorch.autograd.function import Function
from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import int32, int64

from ..dispatch import store, to_dtype
from ..joining import stack
from ..return_types import struct
from ..selection import where
from ..shaping import expand, unsqueeze
from .checks import no_errors, raise_for, require_floating, require_kernel, require_matrix, require_square
from .factorizations import unit_matrix
from .solvers import _in_order

LDLFactor = struct("linalg_ldl_factor", ["LD", "pivots"])
LDLFactorEx = struct("linalg_ldl_factor_ex", ["LD", "pivots", "info"])

_ALPHA = (1 + math.sqrt(17)) / 8  # the bound of Bunch and Kaufman on the growth of elements


def _size(x):
    """What pivots are compared by: of complex values the sum of both parts' sizes."""
    return x.real.abs() + x.imag.abs() if x.dtype.is_complex else x.abs()


def _at(x, index):
    """``x[..., index]`` for an index of its own per matrix."""
    return x.gather(-1, unsqueeze(index, -1))[..., 0]


def _column(a, index):
    """``a[..., :, index]`` for an index of its own per matrix."""
    shape = (*a._a.shape[:-1], 1)
    return a.gather(-1, expand(unsqueeze(unsqueeze(index, -1), -1), *shape))[..., 0]


def _swapped(a, order):
    """Rows and columns of matrices in an order."""
    spread = tuple(a._a.shape)
    a = a.gather(-2, expand(unsqueeze(order, -1), *spread))
    return a.gather(-1, expand(unsqueeze(order, -2), *spread))


def _bunch_kaufman(a, hermitian):
    """J. R. Bunch and L. Kaufman, "Some stable methods for calculating inertia and solving symmetric linear systems" (1977),
    algorithm A on the lower triangle, with what LAPACK's sytrf (hetrf) stores. All matrices of a batch take every step; the
    choices are made by masks."""
    *batch, n, _ = a._a.shape
    dtype = a.dtype
    mirror = (lambda x: x.conj()) if hermitian else (lambda x: x)
    low = a.tril(-1)
    diagonal = a.diagonal(0, -2, -1)
    if hermitian and dtype.is_complex:
        diagonal = to_dtype(diagonal.real, dtype)
    # The whole matrix, of which the finished columns hold L and D below their diagonals.
    w = low + mirror(low.mT) + (diagonal.diag_embed() if n else 0)
    place = a.new_tensor(range(n), dtype=int64)
    second = a.new_zeros(tuple(batch), dtype=int32).ne(0)
    pivots, info = [], no_errors(a)
    for k in range(n):
        column, d = w[..., :, k], w[..., k, k]
        here = second.new_zeros(tuple(batch), dtype=int64) + k
        below = where(place > k, _size(column), -1.0)
        own = _size(d) if not hermitian or not dtype.is_complex else d.real.abs()
        if k + 1 < n:
            biggest, at = below.max(-1)
        else:
            biggest, at = own * 0, here
        empty = own.maximum(biggest).eq(0)
        rows = _size(_column(w, at))
        rows = where((place >= k) & place.ne(unsqueeze(at, -1)), rows, 0.0)
        widest = rows.amax(-1)
        corner = _at(w.diagonal(0, -2, -1), at)
        corner = corner.real.abs() if hermitian and dtype.is_complex else _size(corner)
        stay = (own >= _ALPHA * biggest) | (own * where(widest.eq(0), 1.0, widest) >= _ALPHA * biggest * biggest) | empty
        swap_one = ~stay & (corner >= _ALPHA * widest)
        two = ~stay & ~swap_one & ~second
        stay, swap_one = (stay & ~second), (swap_one & ~second)
        partner = where(stay | second, here, at)
        source = where(two, here + 1, here)
        order = where(place.eq(unsqueeze(source, -1)), unsqueeze(partner, -1),
                      where(place.eq(unsqueeze(partner, -1)), unsqueeze(source, -1), place))
        # Columns that are done keep their rows: LAPACK's L is a product of the steps' own factors.
        trailing = (place >= k) & (unsqueeze(place, -1) >= k)
        w = where(trailing & ~unsqueeze(unsqueeze(second, -1), -1), _swapped(w, order), w)
        info = where(info.eq(0) & empty & ~second, to_dtype(here + 1, int32), info)
        one = ~two & ~second
        d = w[..., k, k]
        if hermitian and dtype.is_complex:
            d = to_dtype(d.real, dtype)
        x = where(place > k, w[..., :, k], 0.0)
        safe = where(d.eq(0), 1.0, d)
        l_one = x / unsqueeze(safe, -1)
        after = w - unsqueeze(l_one, -1) * unsqueeze(mirror(x), -2)
        rest = (place > k) & (unsqueeze(place, -1) > k)
        mask_one = unsqueeze(unsqueeze(one & d.ne(0) & ~empty, -1), -1)
        done_one = where(rest, after, where(place.eq(k) & (unsqueeze(place, -1) > k), unsqueeze(l_one, -1), w))
        result = where(mask_one, done_one, w)
        if k + 1 < n:
            e, f = w[..., k + 1, k], w[..., k + 1, k + 1]
            if hermitian and dtype.is_complex:
                f = to_dtype(f.real, dtype)
            determinant = d * f - e * mirror(e)
            determinant = where(determinant.eq(0), 1.0, determinant)
            far = place > k + 1
            x, y = where(far, w[..., :, k], 0.0), where(far, w[..., :, k + 1], 0.0)
            # (x y) times the inverse of D = [[d, conj e], [e, f]]
            l_x = (x * unsqueeze(f, -1) - y * unsqueeze(e, -1)) / unsqueeze(determinant, -1)
            l_y = (y * unsqueeze(d, -1) - x * unsqueeze(mirror(e), -1)) / unsqueeze(determinant, -1)
            after = w - unsqueeze(l_x, -1) * unsqueeze(mirror(x), -2) - unsqueeze(l_y, -1) * unsqueeze(mirror(y), -2)
            rows_far = unsqueeze(far, -1)
            done_two = where(rows_far & far, after, w)
            done_two = where(rows_far & place.eq(k), unsqueeze(l_x, -1), done_two)
            done_two = where(rows_far & place.eq(k + 1), unsqueeze(l_y, -1), done_two)
            result = where(unsqueeze(unsqueeze(two, -1), -1), done_two, result)
        w = result
        code = where(two, -(partner + 1), partner + 1)
        pivots.append(where(second, pivots[-1], code) if pivots else code)
        second = two
    pivots = stack(pivots, -1) if pivots else a.new_zeros((*batch, 0), dtype=int64)
    return w.tril(), to_dtype(pivots, int32), info


class _Undifferentiable(Function):
    """A result through which no gradient can flow, and says so."""

    @staticmethod
    def forward(ctx, name, result, *operands):
        ctx.name = name
        return result

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError(f"derivative for aten::{ctx.name} is not implemented")


def _without_gradient(name, compute, *operands):
    result = compute(*(x.detach() for x in operands))
    if not any(x.requires_grad for x in operands):
        return result
    if isinstance(result, tuple):
        return (_Undifferentiable.apply(name, result[0], *operands), *result[1:])
    return _Undifferentiable.apply(name, result, *operands)


def _ldl_factor(a, hermitian, function):
    name = "torch.linalg.ldl_factor_ex"
    require_square(require_matrix(a, name), name)
    require_floating(a, name)
    require_kernel(a, "ldl_factor_kernel_cpu")
    packed, pivots, info = _without_gradient("linalg_ldl_factor_ex", lambda x: _bunch_kaufman(x, hermitian), a)
    if function:
        raise_for(info, function, "Unknown error code: {}.")
    return LDLFactorEx(packed, pivots, info)


def ldl_factor_ex(A, *, hermitian=False, check_errors=False, out=None):  # noqa: N803
    """Factors of symmetric matrices (``hermitian``: Hermitian ones) as of :func:`ldl_factor`, and int32 codes (...): the
    place of the first zero block of D, or 0.

    Raises:
        RuntimeError: A is not square, or not floating; with ``check_errors``, a code is not 0.
    """
    return store(out, _ldl_factor(A, hermitian, "torch.linalg.ldl_factor_ex" if check_errors else None))


def ldl_factor(A, *, hermitian=False, out=None):  # noqa: N803
    """L and D packed in a lower triangle, with LAPACK's pivots, of symmetric matrices (``hermitian``: Hermitian ones) of
    which the lower triangle is read.

    Returns:
        ``(LD, pivots)``: int32 pivots (..., n), counted from 1 and negative for the two columns of a 2 by 2 block of D. They
        have no derivative.

    Raises:
        RuntimeError: A is not square, not floating, or a block of D is zero.
    """
    return store(out, LDLFactor(*_ldl_factor(A, hermitian, "torch.linalg.ldl_factor")[:2]))


def _unpacked(packed, pivots, hermitian):
    """Unit lower triangular L, block diagonal D and the order of rows with ``A[order][:, order] = L @ D @ L^T``."""
    n = packed._a.shape[-1]
    codes = to_dtype(pivots, int64)
    place = codes.new_tensor(range(n), dtype=int64)
    order = codes * 0 + place
    low = packed.tril(-1)
    second = codes[..., 0].ne(codes[..., 0]) if n else None
    blocks = []
    for k in range(n):
        code = codes[..., k]
        first = code.lt(0) & ~second
        blocks.append(first)
        source, partner = where(first, code * 0 + k + 1, code * 0 + k), where(second, code * 0 + k, code.abs() - 1)
        step = where(place.eq(unsqueeze(source, -1)), unsqueeze(partner, -1),
                     where(place.eq(unsqueeze(partner, -1)), unsqueeze(source, -1), place))
        order = order.gather(-1, step)
        earlier = place < k
        low = where(earlier, low.gather(-2, expand(unsqueeze(step, -1), *low._a.shape)), low)
        second = first
    starts = stack(blocks, -1) if blocks else codes.ne(codes)
    below = unsqueeze(place, -1).eq(place + 1)  # the entry under the diagonal, in a block's first column
    inside = below & unsqueeze(starts, -2)
    off = where(inside, low, 0.0)
    diagonal = packed.diagonal(0, -2, -1)
    if hermitian and packed.dtype.is_complex:
        diagonal = to_dtype(diagonal.real, packed.dtype)
    d = off + (off.mH if hermitian else off.mT) + (diagonal.diag_embed() if n else 0)
    return where(inside, 0.0, low) + unit_matrix(n, packed), d, order


def _ldl_solve(packed, pivots, b, hermitian):
    low, d, order = _unpacked(packed, pivots, hermitian)
    x = apply("solve_triangular", (low, _in_order(b, order)), {"upper": False, "unit": True})
    x = apply("solve", (d, x))
    x = apply("solve_triangular", (low.mH if hermitian else low.mT, x), {"upper": True, "unit": True})
    return _in_order(x, order.argsort(-1))


def ldl_solve(LD, pivots, B, *, hermitian=False, out=None):  # noqa: N803
    """X with ``A @ X = B`` from A's factors as :func:`ldl_factor` gives them; B is (..., n, k). It has no derivative.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    name = "torch.linalg.ldl_solve"
    require_square(LD, name, "LD")
    if B.dim() < 2:
        raise RuntimeError(f"{name}: Expected B to have at least 2 dimensions, but it has {B.dim()} dimensions instead")
    if tuple(pivots._a.shape) != tuple(LD._a.shape[:-1]):
        raise RuntimeError(f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
                           f"{list(pivots._a.shape)} instead")
    if pivots.dtype.is_floating_point or pivots.dtype.is_complex:
        raise RuntimeError(f"{name}: Expected pivots to be integers. Got {pivots.dtype.legacy}")
    if LD.dtype is not B.dtype:
        raise RuntimeError(f"{name}: LD dtype {LD.dtype.legacy} does not match b dtype {B.dtype.legacy}")
    if LD._a.shape[-2] != B._a.shape[-2]:
        raise RuntimeError(f"{name}: Incompatible matrix sizes for ldl_solve: each A matrix is {LD._a.shape[-1]} by "
                           f"{LD._a.shape[-1]} but each b matrix is {B._a.shape[-2]} by {B._a.shape[-1]}")
    require_kernel(LD, "ldl_solve_kernel_cpu")
    y = _without_gradient("linalg_ldl_solve", lambda f, b: _ldl_solve(f, pivots.detach(), b, hermitian), LD, B)
    return store(out, y)
