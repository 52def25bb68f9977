"""Linear algebra and Fourier primitives, batched over leading axes.

A matrix that cannot be factored raises nothing: its place in the batch holds nan (or, of ``solve``, the infinities of
a division by zero), and whoever wants an error looks there.
"""

from __future__ import annotations

import math

from ..abstract import Abstract, broadcast_shapes
from ..dtypes import int32, int64
from ..op import derived, primitive


@primitive("linalg")
def matmul(k, a, b):
    """Matrix product of operands with two dimensions or more; batch axes broadcast. Integers wrap, half
    precisions accumulate in float32.

    Raises:
        RuntimeError: the inner sizes differ.
    """
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            "mat1 and mat2 shapes cannot be multiplied "
            f"({a.shape[-2]}x{a.shape[-1]} and {b.shape[-2]}x{b.shape[-1]})"
        )
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return Abstract((*batch, a.shape[-2], b.shape[-1]), a.dtype)


@primitive("linalg")
def cholesky(k, a, *, upper=False):
    """L with ``L @ L^H = a`` for positive definite a, of which only the lower triangle is read;
    ``upper`` returns L^H."""
    return a


@primitive("linalg", outputs=("LU", "pivots"))
def lu(k, a):
    """Packed L and U of the partially pivoted factorisation, and int32 pivots: at step i row i was
    swapped with row ``pivots[i]`` (counted from 0)."""
    return a, Abstract((*a.shape[:-2], min(a.shape[-2:])), int32)


@primitive("linalg", outputs=("Q", "R"))
def qr(k, a, *, mode="reduced"):
    """``a = Q @ R`` with orthonormal columns; mode "reduced" or "complete"."""
    *batch, m, n = a.shape
    inner = m if mode == "complete" else min(m, n)
    return Abstract((*batch, m, inner), a.dtype), Abstract((*batch, inner, n), a.dtype)


@primitive("linalg", outputs=("eigenvalues", "eigenvectors"))
def eigh(k, a):
    """Ascending real eigenvalues and orthonormal eigenvectors of a Hermitian matrix, of which only the
    lower triangle is read. The vectors' phases are unspecified."""
    return Abstract(a.shape[:-1], a.dtype.to_real()), a


@primitive("linalg", outputs=("U", "S", "Vh"))
def svd(k, a, *, full=False):
    """``a = U @ diag(S) @ Vh`` with S descending; ``full`` makes U and Vh square."""
    *batch, m, n = a.shape
    inner = min(m, n)
    u, v = (m, n) if full else (inner, inner)
    return (Abstract((*batch, m, u), a.dtype), Abstract((*batch, inner), a.dtype.to_real()),
            Abstract((*batch, v, n), a.dtype))


@primitive("linalg", outputs=("eigenvalues", "eigenvectors"))
def eig(k, a):
    """Eigenvalues and right eigenvectors of a square matrix, always complex."""
    dtype = a.dtype.to_complex()
    return Abstract(a.shape[:-1], dtype), Abstract(a.shape, dtype)


@primitive("linalg")
def solve_triangular(k, a, b, *, upper, unit=False):
    """x with ``a @ x = b`` for triangular a (the other triangle is not read); ``unit``: ones on the diagonal."""
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return Abstract((*batch, *b.shape[-2:]), b.dtype)


@primitive("linalg")
def solve(k, a, b):
    """x with ``a @ x = b`` for square a; b has two dimensions or more. Not finite where a is singular."""
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return Abstract((*batch, *b.shape[-2:]), b.dtype)


@primitive("linalg")
def fft(k, x, *, axis, inverse=False):
    """Discrete Fourier transform of complex x along one axis, unscaled forward and 1/n inverse."""
    return x


def identity(k, n, like):
    """The unit matrix of size n in the dtype and on the device of an array."""
    ones = k.full(shape=(n, n), value=1, dtype=k.dtype_of(like), device=k.device_of(like))
    return k.sub(k.tril(ones), k.tril(ones, diagonal=-1))


def columns(k, x, start, stop):
    """``x[..., start:stop]``."""
    rank = len(x.shape)
    return k.slice(x, start=(0,) * (rank - 1) + (start,), stop=(*x.shape[:-1], stop), step=(1,) * rank)


def rows(k, x, start, stop):
    """``x[..., start:stop, :]``."""
    rank = len(x.shape)
    return k.slice(x, start=(*(0,) * (rank - 2), start, 0), stop=(*x.shape[:-2], stop, x.shape[-1]), step=(1,) * rank)


def main_diagonal(k, x):
    """The diagonal (..., min(m, n)) of matrices, copied."""
    return k.copy(k.diagonal(x, offset=0, axis1=len(x.shape) - 2, axis2=len(x.shape) - 1))


@derived("linalg")
def lu_permutation(k, pivots, *, size):
    """The order of rows (..., size), int64, for which ``a[order] = L @ U``, from 0-based row swaps as ``lu`` returns
    them."""
    batch, last = tuple(pivots.shape[:-1]), len(pivots.shape) - 1
    device = k.device_of(pivots)
    pivots = k.cast(pivots, dtype=int64)
    place = k.arange(start=0, stop=size, step=1, dtype=int64, device=device)
    order = k.copy(k.broadcast_to(place, shape=(*batch, size)))
    for j in range(pivots.shape[-1]):
        p = columns(k, pivots, j, j + 1)
        at_j, at_p = columns(k, order, j, j + 1), k.gather(order, p, axis=last)
        order = k.where(k.eq(place, j), at_p, k.where(k.eq(place, p), at_j, order))
    return order


def _swap_sign(k, pivots, dtype):
    """The sign of the permutation that the pivots make, in a real dtype."""
    count = pivots.shape[-1]
    place = k.arange(start=0, stop=count, step=1, dtype=int32, device=k.device_of(pivots))
    odd = k.remainder(k.sum(k.cast(k.ne(pivots, place), dtype=int64), axis=(len(pivots.shape) - 1,)), 2)
    return k.cast(k.sub(1, k.mul(odd, 2)), dtype=dtype)


@derived("linalg")
def det(k, a):
    """Determinants of square matrices, by elimination; 1 for those of size 0."""
    packed, pivots = k.lu(a)
    return k.mul(k.prod(main_diagonal(k, packed), axis=(len(a.shape) - 2,)), _swap_sign(k, pivots, k.dtype_of(a)))


@derived("linalg", outputs=("sign", "logabsdet"))
def slogdet(k, a):
    """Sign (of absolute value 1, or 0) and logarithm of the absolute value of determinants of square matrices; the
    latter is real, and -inf where a matrix is singular."""
    packed, pivots = k.lu(a)
    d, axis = main_diagonal(k, packed), (len(a.shape) - 2,)
    size = k.abs(d)
    units = k.sgn(d) if k.dtype_of(a).is_complex else k.sign(d)
    return k.mul(k.prod(units, axis=axis), _swap_sign(k, pivots, k.dtype_of(a))), k.sum(k.log(size), axis=axis)


@derived("linalg")
def pinv(k, a, atol, rtol, *, hermitian=False):
    """The Moore-Penrose inverse, by singular values (``hermitian``: eigenvalues of the lower triangle), of which those not
    above ``max(atol, rtol * greatest)`` count as 0. The tolerances are numbers or real arrays (...)."""
    dtype = k.dtype_of(a)
    *batch, m, n = a.shape
    if min(m, n) == 0:
        return k.full(shape=(*batch, n, m), value=0, dtype=dtype, device=k.device_of(a))
    if hermitian:
        values, left = k.eigh(a)
        right = k.adjoint(left)
    else:
        left, values, right = k.svd(a)
    size = k.abs(values)
    cut = _cutoff(k, k.max(size, axis=(len(size.shape) - 1,), keepdims=True), atol, rtol)
    kept = k.lt(cut, size)
    inverse = k.where(kept, k.div(1, k.where(kept, values, 1)), 0)
    inverse = k.cast(k.reshape(inverse, shape=(*inverse.shape, 1)), dtype=dtype)
    return k.matmul(k.adjoint(right), k.mul(inverse, k.adjoint(left)))


def _cutoff(k, greatest, atol, rtol):
    def column(t):
        return k.reshape(t, shape=(*t.shape, 1)) if hasattr(t, "shape") else t

    return k.maximum(k.mul(greatest, column(rtol)), column(atol))


_DEGREE = 18
# Below this 1-norm the Taylor polynomial of degree 18 is exact to rounding, for items of 4 bytes per number and of 8: P.
# Bader, S. Blanes and F. Casas, "Computing the matrix exponential with an optimized Taylor polynomial approximation" (2019),
# table 1.
_THETA = {4: 3.010066362817634, 8: 1.090863719290036}
_MOST_SQUARINGS = 32  # where the norm is not known beforehand


@derived("linalg")
def matrix_exp(k, a):
    """The exponential of square matrices, by scaling and squaring of a Taylor polynomial of degree 18."""
    if a.shape[-1] == 0:
        return k.copy(a)
    y, count, real = scaled_exponential(k, a)
    for i in range(_greatest(k, count)):
        y = k.where(k.lt(float(i), count), k.matmul(y, y), y)
    return k.where(real, y, math.nan)


def scaled_exponential(k, a):
    """``exp(a / 2 ** count)``, how often to square it, and whether the norm is finite; the latter two (..., 1, 1)."""
    dtype = k.dtype_of(a)
    size = k.max(k.sum(k.abs(a), axis=(len(a.shape) - 2,), keepdims=True), axis=(len(a.shape) - 1,), keepdims=True)
    ratio = k.div(size, _THETA[dtype.to_real().itemsize])
    real = k.lt(ratio, math.inf)
    count = k.ceil(k.div(k.log(k.where(k.bit_and(real, k.lt(1, ratio)), ratio, 1)), math.log(2)))
    scaled = k.mul(a, k.cast(k.pow(2.0, k.neg(count)), dtype=dtype))
    return _taylor(k, scaled, identity(k, a.shape[-1], a)), count, real


def _greatest(k, count):
    """The greatest of small whole numbers, as a Python number; a bound where values are not known."""
    if math.prod(count.shape) == 0:
        return 0
    try:
        known = k.bounds(count)
    except (AttributeError, TypeError):  # shapes without values, or a trace
        known = None
    return _MOST_SQUARINGS if known is None else int(known[1])


def _taylor(k, a, eye):
    """Paterson's and Stockmeyer's order: polynomials of degree 3, and Horner's rule in the fourth power."""
    a2 = k.matmul(a, a)
    powers = (eye, a, a2, k.matmul(a2, a))
    a4 = k.matmul(a2, a2)
    total = None
    for first in range(_DEGREE // 4 * 4, -1, -4):
        part = None
        for i, power in enumerate(powers):
            if first + i <= _DEGREE:
                term = k.mul(power, 1 / math.factorial(first + i))
                part = term if part is None else k.add(part, term)
        total = part if total is None else k.add(k.matmul(total, a4), part)
    return total


@derived("linalg")
def cholesky_solve(k, b, factor, *, upper=False):
    """x with ``a @ x = b``, from the triangular factor L of ``a = L @ L^H`` (``upper``: U of ``a = U^H @ U``)."""
    low, high = (k.adjoint(factor), factor) if upper else (factor, k.adjoint(factor))
    return k.solve_triangular(high, k.solve_triangular(low, b, upper=False), upper=True)


@derived("linalg", outputs=("packed", "tau"))
def geqrf(k, a):
    """R in the upper triangle, and under it the vectors of Householder reflections ``I - tau v v^H``, the product of
    which is Q; v begins with a 1 that is not stored (Golub and Van Loan, algorithm 5.2.1, with LAPACK's signs)."""
    dtype = k.dtype_of(a)
    *batch, m, n = a.shape
    taus = []
    place = k.reshape(k.arange(start=0, stop=m, step=1, dtype=int32, device=k.device_of(a)), shape=(m, 1))
    across = k.arange(start=0, stop=n, step=1, dtype=int32, device=k.device_of(a))
    for j in range(min(m, n)):
        x = columns(k, a, j, j + 1)
        alpha = rows(k, x, j, j + 1)
        below = k.where(k.lt(j, place), x, 0)
        rest = k.norm(below, p=2, axis=(len(a.shape) - 2,), keepdims=True)
        flat = k.eq(rest, 0)
        if dtype.is_complex:
            flat = k.bit_and(flat, k.eq(k.imag(alpha), 0))
        head = k.real(alpha) if dtype.is_complex else alpha
        beta = k.neg(k.copysign(k.hypot(k.abs(alpha), rest), head))
        beta = k.cast(k.where(flat, head, beta), dtype=dtype)
        tau = k.where(flat, 0, k.div(k.sub(beta, alpha), k.where(flat, 1, beta)))
        v = k.where(k.eq(place, j), 1, k.where(flat, 0, k.div(below, k.where(flat, 1, k.sub(alpha, beta)))))
        update = k.mul(k.mul(v, k.conj(tau)), k.matmul(k.adjoint(v), a))
        after = k.where(k.lt(j, across), k.sub(a, update), a)
        mine = k.where(k.eq(place, j), beta, k.where(k.lt(j, place), v, x))
        a = k.where(k.eq(across, j), mine, after)
        taus.append(k.reshape(tau, shape=(*batch, 1)))
    if not taus:
        return k.copy(a), k.full(shape=(*batch, 0), value=0, dtype=dtype, device=k.device_of(a))
    return a, k.concat(*taus, axis=len(batch))
