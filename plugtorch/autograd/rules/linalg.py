"""Gradients of products and factorisations, batched, real and complex.

Sources: Giles, "An extended collection of matrix derivative results" (2008), for the factorisations of
real matrices; Hubig and others' complex forms agree with conjugate transposes in place of transposes.
"""

from __future__ import annotations

import math

import numpy as np

from plugtorch.spec.dtypes import int64
from plugtorch.spec.ops.linalg import columns, identity, main_diagonal, rows

from ..base import TensorBase
from ..plans import defvjp, defvjp_joint, nondifferentiable


def _h(k, x):
    return k.adjoint(x)


defvjp("matmul", a=lambda k, g, b: k.matmul(g, k.adjoint(b)), b=lambda k, g, a: k.matmul(k.adjoint(a), g))


def _triangle_solve_left(k, low, b):
    """``L^-H b`` for lower triangular L."""
    return k.solve_triangular(_h(k, low), b, upper=True)


def _eye_like(k, x):
    return identity(k, x.shape[-1], x)


def _extremes(k, x):
    """The least and the greatest value as Python numbers, or None where values are not known yet (a trace)."""
    k, x = (x._k, x._a) if isinstance(x, TensorBase) else (k, x)
    if math.prod(x.shape) == 0:
        return 0, 0
    try:
        return k.bounds(x)
    except TypeError:
        return None


def _require_invariance(k, phase, function, quantity):
    """Raises PyTorch's error if a loss depends on the phases of complex vectors: ``phase`` is its derivative by them, of
    which 0.01 is tolerated."""
    found = _extremes(k, phase)
    if found is not None and max(abs(found[0]), abs(found[1])) > 1e-2:
        vectors = "singular vectors" if function == "svd_backward" else "eigenvectors"
        raise RuntimeError(f"{function}: The {vectors} in the complex case are specified up to multiplication by e^{{i "
                           f"phi}}. The specified loss function depends on this {quantity}ill-defined.")


def _diagonal_part(k, x):
    return k.mul(x, _eye_like(k, x))


def _cholesky(k, g, y, upper):
    low, g = (_h(k, y), _h(k, g)) if upper else (y, g)
    p = k.tril(k.matmul(_h(k, low), g))
    p = k.sub(p, k.mul(_diagonal_part(k, p), 0.5))
    s = k.mul(k.add(p, _h(k, p)), 0.5)
    half = _triangle_solve_left(k, low, s)
    return _h(k, _triangle_solve_left(k, low, _h(k, half)))


defvjp("cholesky", a=_cholesky)


def _ordered(k, x, order):
    """Rows of matrices in the order (..., m)."""
    spread = k.broadcast_to(k.reshape(order, shape=(*order.shape, 1)), shape=tuple(x.shape))
    return k.gather(x, spread, axis=len(x.shape) - 2)


def _lu(k, gs, LU, pivots):  # noqa: N803
    """Of the square part ``P L^-H (tril(L^H gL, -1) + triu(gU U^H)) U^-H``; the other columns ``U2 = L^-1 P^T A2`` and rows
    ``L2 = A2 U^-1`` add to what arrives at L and U, by M. Lezcano-Casado, "Adjoint of the LU", the formula that PyTorch
    has."""
    g = gs[0]
    m, n = LU.shape[-2:]
    size = min(m, n)
    if size == 0:
        return k.zeros_like(g)
    square, g_square = (columns(k, rows(k, x, 0, size), 0, size) for x in (LU, g))
    low, up = k.add(k.tril(square, diagonal=-1), _eye_like(k, square)), k.triu(square)
    left = k.matmul(_h(k, low), k.tril(g_square, diagonal=-1))
    right = k.matmul(k.triu(g_square), _h(k, up))
    rest = None
    if n > m:
        g_rest = columns(k, g, size, n)
        left = k.sub(left, k.matmul(g_rest, _h(k, columns(k, LU, size, n))))
        rest = k.solve_triangular(_h(k, low), g_rest, upper=True, unit=True)
    elif m > n:
        g_rest = rows(k, g, size, m)
        right = k.sub(right, k.matmul(_h(k, rows(k, LU, size, m)), g_rest))
        rest = _h(k, k.solve_triangular(up, _h(k, g_rest), upper=True))
    inner = k.add(k.tril(left, diagonal=-1), k.triu(right))
    inner = k.solve_triangular(_h(k, low), inner, upper=True, unit=True)
    inner = _h(k, k.solve_triangular(up, _h(k, inner), upper=True))
    if rest is not None:
        inner = k.concat(inner, rest, axis=len(LU.shape) - (1 if n > m else 2))
    order = k.lu_permutation(pivots, size=m)
    back = k.sort(order, axis=len(order.shape) - 1)[1]
    return _ordered(k, inner, back)


defvjp("lu", a=_lu)
nondifferentiable("lu_permutation")


def _qr(k, gs, Q, R, mode):  # noqa: N803
    """``(gQ + Q (tril(M, -1) + tril(M, -1)^H + diag M)) R^-H`` with ``M = R gR^H - gQ^H Q``. Of wide matrices ``(A1 | A2)``
    the first columns have this gradient with ``gQ + A2 gR2^H`` in place of gQ, the others ``Q gR2``."""
    g_q, g_r = gs
    m, n = Q.shape[-2], R.shape[-1]
    if mode == "complete" and m > n:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
    if min(m, n) == 0:
        return k.zeros_like(k.matmul(Q, R))
    if m >= n:
        return _qr_tall(k, g_q, g_r, Q, R)
    first = columns(k, R, 0, m)
    if g_r is None:
        inner = _qr_tall(k, g_q, None, Q, first)
        return k.concat(inner, k.zeros_like(k.matmul(Q, columns(k, R, m, n))), axis=len(R.shape) - 1)
    g_first, g_rest = columns(k, g_r, 0, m), columns(k, g_r, m, n)
    through = k.matmul(k.matmul(Q, columns(k, R, m, n)), _h(k, g_rest))
    g_q = through if g_q is None else k.add(g_q, through)
    return k.concat(_qr_tall(k, g_q, g_first, Q, first), k.matmul(Q, g_rest), axis=len(R.shape) - 1)


def _qr_tall(k, g_q, g_r, Q, R):  # noqa: N803
    m = None
    if g_r is not None:
        m = k.matmul(R, _h(k, g_r))
    if g_q is not None:
        part = k.matmul(_h(k, g_q), Q)
        m = k.neg(part) if m is None else k.sub(m, part)
    low = k.tril(m, diagonal=-1)
    diagonal = _diagonal_part(k, m)
    if k.dtype_of(m).is_complex:
        diagonal = k.cast(k.real(diagonal), dtype=k.dtype_of(m))
    inner = k.matmul(Q, k.add(k.add(low, _h(k, low)), diagonal))
    if g_q is not None:
        inner = k.add(inner, g_q)
    return _h(k, k.solve_triangular(R, _h(k, inner), upper=True))


defvjp("qr", a=_qr)


def _no_geqrf(k, gs):
    raise NotImplementedError("the derivative for 'geqrf' is not implemented.")


defvjp("geqrf", a=_no_geqrf)


def _differences(k, w):
    """``E_ij = w_j - w_i``, with 1 on the diagonal."""
    n = w.shape[-1]
    row = k.reshape(w, shape=(*w.shape[:-1], 1, n))
    column = k.reshape(w, shape=(*w.shape, 1))
    e = k.sub(row, column)
    return k.add(e, _eye_like(k, e))


def _embed_diagonal(k, d):
    """A matrix with the vector d on its diagonal."""
    n = d.shape[-1]
    ones = k.full(shape=(n, n), value=1, dtype=k.dtype_of(d), device=k.device_of(d))
    return k.mul(k.reshape(d, shape=(*d.shape, 1)), k.sub(k.tril(ones), k.tril(ones, diagonal=-1)))


def _off(k, x):
    return k.sub(x, _diagonal_part(k, x))


def _eigh(k, gs, eigenvalues, eigenvectors):
    g_w, g_v = gs
    dtype = k.dtype_of(eigenvectors)
    inner = None
    if g_v is not None:
        m = k.matmul(_h(k, eigenvectors), g_v)
        if dtype.is_complex:
            _require_invariance(k, k.imag(main_diagonal(k, m)), "linalg_eigh_backward", "quantity, so it is ")
        skew = k.mul(k.sub(m, _h(k, m)), 0.5)
        inner = k.div(_off(k, skew), k.cast(_differences(k, eigenvalues), dtype=dtype))
    if g_w is not None:
        diagonal = k.cast(_embed_diagonal(k, g_w), dtype=dtype)
        inner = diagonal if inner is None else k.add(inner, diagonal)
    return k.matmul(k.matmul(eigenvectors, inner), _h(k, eigenvectors))


defvjp("eigh", a=_eigh)


def _svd(k, gs, U, S, Vh, full):  # noqa: N803
    g_u, g_s, g_vh = gs
    if full:  # vectors beyond the singular values are any basis of the rest: nothing flows through them
        n = S.shape[-1]
        U, g_u = (x if x is None else columns(k, x, 0, n) for x in (U, g_u))  # noqa: N806
        Vh, g_vh = (x if x is None else rows(k, x, 0, n) for x in (Vh, g_vh))  # noqa: N806
    dtype = k.dtype_of(U)
    wide = k.cast(S, dtype=dtype)
    row, column = k.reshape(wide, shape=(*S.shape[:-1], 1, S.shape[-1])), k.reshape(wide, shape=(*S.shape, 1))
    inner = None
    if g_s is not None:
        inner = k.cast(_embed_diagonal(k, g_s), dtype=dtype)
    e = k.cast(_differences(k, k.mul(S, S)), dtype=dtype)
    v = _h(k, Vh)
    if dtype.is_complex:
        turned = [k.imag(main_diagonal(k, k.matmul(base, g)))
                  for base, g in ((_h(k, U), g_u), (Vh, None if g_vh is None else _h(k, g_vh))) if g is not None]
        if turned:
            _require_invariance(k, turned[0] if len(turned) == 1 else k.add(*turned), "svd_backward",
                                "phase term, making it ")
    for g, base, left in ((g_u, U, False), (None if g_vh is None else _h(k, g_vh), v, True)):
        if g is None:
            continue
        m = k.matmul(_h(k, base), g)
        skew = k.div(k.sub(m, _h(k, m)), e)
        term = k.mul(column, _off(k, skew)) if left else k.mul(_off(k, skew), row)
        if not left and dtype.is_complex:
            phase = k.mul(k.cast(k.imag(_diagonal_part(k, m)), dtype=dtype), 1j)
            term = k.add(term, k.div(phase, k.add(column, k.mul(_eye_like(k, phase), 0))))
        inner = term if inner is None else k.add(inner, term)
    out = k.matmul(k.matmul(U, inner), Vh)
    if g_u is not None and U.shape[-2] > U.shape[-1]:
        rest = k.div(g_u, row)
        rest = k.sub(rest, k.matmul(U, k.matmul(_h(k, U), rest)))
        out = k.add(out, k.matmul(rest, Vh))
    if g_vh is not None and Vh.shape[-1] > Vh.shape[-2]:
        rest = k.div(g_vh, column)
        rest = k.sub(rest, k.matmul(k.matmul(rest, v), Vh))
        out = k.add(out, k.matmul(U, rest))
    return out


defvjp("svd", a=_svd)


def _eig(k, gs, eigenvalues, eigenvectors):
    g_w, g_v = gs
    inner = None
    vh = _h(k, eigenvectors)
    if g_v is not None:
        m = k.matmul(vh, g_v)
        _require_invariance(k, k.imag(main_diagonal(k, m)), "linalg_eig_backward", "quantity, so it is ")
        # Normalised vectors do not move along themselves.
        gram = k.matmul(vh, eigenvectors)
        real = k.cast(k.real(_diagonal_part(k, m)), dtype=k.dtype_of(m))
        inner = k.div(_off(k, k.sub(m, k.matmul(gram, real))), k.conj(_differences(k, eigenvalues)))
    if g_w is not None:
        diagonal = _embed_diagonal(k, g_w)
        inner = diagonal if inner is None else k.add(inner, diagonal)
    return k.solve(vh, k.matmul(inner, vh))


defvjp("eig", a=_eig)


@defvjp_joint("solve_triangular")
def _solve_triangular(k, g, needs, a, y, upper, unit):
    gb = k.solve_triangular(_h(k, a), g, upper=not upper, unit=unit)
    if not needs[0]:
        return None, gb
    ga = k.neg(k.matmul(gb, _h(k, y)))
    shift = 1 if unit else 0
    return (k.triu(ga, diagonal=shift) if upper else k.tril(ga, diagonal=-shift)), gb


@defvjp_joint("solve")
def _solve(k, g, needs, a, y):
    gb = k.solve(_h(k, a), g)
    return (k.neg(k.matmul(gb, _h(k, y))) if needs[0] else None), gb


@defvjp_joint("cholesky_solve")
def _cholesky_solve(k, g, needs, factor, y, upper):
    """The factor's gradient is not limited to its triangle, as PyTorch's is not."""
    gb = k.cholesky_solve(g, factor, upper=upper)
    if not needs[1]:
        return gb, None
    ga = k.matmul(gb, _h(k, y))
    ga = k.neg(k.add(ga, _h(k, ga)))
    return gb, k.matmul(factor, ga) if upper else k.matmul(ga, factor)


def _spread(k, x):
    """Numbers (...) as matrices (..., 1, 1)."""
    return k.reshape(x, shape=(*x.shape, 1, 1))


def _det(k, g, a, y):
    """``g conj(det) a^-H``. The adjugate that stands here, without the division, where the matrix is close to singular:
    ``conj(det U det V^H) U adj(S) V^H`` of the singular values (N. Higham, "What is the adjugate of a matrix?", 2020)."""
    n, dtype = a.shape[-1], k.dtype_of(a)
    if n == 0:
        return k.zeros_like(a)
    eye = _eye_like(k, a)
    size = k.abs(y)
    found, limit = _extremes(k, size), 100 * float(np.finfo(dtype.to_real().numpy).eps)
    singular = _spread(k, k.lt(size, limit))
    regular = None
    if found is None or not found[1] < limit:
        seed = k.mul(eye, _spread(k, k.mul(g, k.conj(y))))
        regular = k.solve(_h(k, k.where(singular, eye, a)), seed)
        if found is not None and found[0] >= limit:
            return regular
    place = k.reshape(k.arange(start=1, stop=n + 1, step=1, dtype=int64, device=k.device_of(a)), shape=(n, 1))
    u, s, vh = k.svd(k.where(singular, a, k.mul(eye, k.cast(place, dtype=dtype))))
    others = k.where(k.eq(k.cast(eye, dtype=k.dtype_of(s)), 1), 1, k.reshape(s, shape=(*s.shape[:-1], 1, n)))
    others = k.cast(k.prod(others, axis=(len(a.shape) - 1,)), dtype=dtype)
    turn = k.mul(k.conj(k.mul(k.det(u), k.det(vh))), g)
    scaled = k.mul(k.mul(u, k.reshape(others, shape=(*others.shape[:-1], 1, n))), _spread(k, turn))
    adjugate = k.matmul(scaled, vh)
    return adjugate if regular is None else k.where(singular, adjugate, regular)


defvjp("det", a=_det)


def _slogdet(k, gs, a, sign):
    g_sign, g_log = gs
    dtype = k.dtype_of(a)
    g = None if g_log is None else k.cast(g_log, dtype=dtype)
    if g_sign is not None and dtype.is_complex:
        turn = k.mul(k.cast(k.imag(k.mul(k.conj(sign), g_sign)), dtype=dtype), 1j)
        g = turn if g is None else k.add(g, turn)
    if g is None or a.shape[-1] == 0:
        return k.zeros_like(a)
    return k.solve(_h(k, a), k.mul(_eye_like(k, a), _spread(k, g)))


defvjp("slogdet", a=_slogdet)


def _pinv(k, g, a, y):
    """G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
    variables separate" (1973), equation 4.12; of matrices of constant rank."""
    yh, gh = _h(k, y), _h(k, g)
    first = k.matmul(k.matmul(yh, g), yh)
    second = k.matmul(k.matmul(gh, y), yh)
    second = k.sub(second, k.matmul(a, k.matmul(y, second)))
    third = k.matmul(k.matmul(yh, y), gh)
    third = k.sub(third, k.matmul(k.matmul(third, y), a))
    return k.add(k.sub(second, first), third)


defvjp("pinv", a=_pinv, atol=None, rtol=None)


def _matrix_exp(k, g, a):
    """The upper right block of ``exp([[a^H, g], [0, a^H]])`` (N. Higham, "Functions of Matrices", 2008, theorem 3.6)."""
    n, rank = a.shape[-1], len(a.shape)
    if n == 0:
        return k.zeros_like(a)
    ah = _h(k, a)
    upper = k.concat(ah, k.cast(g, dtype=k.dtype_of(a)), axis=rank - 1)
    block = k.concat(upper, k.concat(k.zeros_like(a), ah, axis=rank - 1), axis=rank - 2)
    return columns(k, rows(k, k.matrix_exp(block), 0, n), n, 2 * n)


defvjp("matrix_exp", a=_matrix_exp)


def _fft(k, g, x_shape, axis, inverse):
    """The adjoint: the transform of the other direction, scaled."""
    n = x_shape[axis]
    back = k.fft(g, axis=axis, inverse=not inverse)
    return k.mul(back, n) if not inverse else k.div(back, n)


defvjp("fft", x=_fft)
