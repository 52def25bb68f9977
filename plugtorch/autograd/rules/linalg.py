"""Gradients of products and factorisations, batched, real and complex.

Sources: Giles, "An extended collection of matrix derivative results" (2008), for the factorisations of
real matrices; Hubig and others' complex forms agree with conjugate transposes in place of transposes.
"""

from __future__ import annotations

from ..plans import defvjp, defvjp_joint


def _h(k, x):
    return k.adjoint(x)


defvjp("matmul", a=lambda k, g, b: k.matmul(g, k.adjoint(b)), b=lambda k, g, a: k.matmul(k.adjoint(a), g))


def _triangle_solve_left(k, low, b):
    """``L^-H b`` for lower triangular L."""
    return k.solve_triangular(_h(k, low), b, upper=True)


def _eye_like(k, x):
    n = x.shape[-1]
    ones = k.full(shape=(n, n), value=1, dtype=k.dtype_of(x), device=k.device_of(x))
    return k.sub(k.tril(ones), k.tril(ones, diagonal=-1))


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


def _permutation(k, pivots, n, like):
    """Matrix P with ``a = P @ L @ U`` from 0-based row swaps, built by swapping rows of the identity."""
    from plugtorch.spec.dtypes import int64

    batch, count = tuple(pivots.shape[:-1]), pivots.shape[-1]
    pivots = k.cast(pivots, dtype=int64)
    order = k.broadcast_to(k.arange(start=0, stop=n, step=1, dtype=int64, device=k.device_of(like)), shape=(*batch, n))
    order = k.copy(order)
    last = len(batch)
    for j in range(count):
        start, stop = (0,) * last + (j,), (*batch, j + 1)
        p = k.slice(pivots, start=start, stop=stop, step=(1,) * (last + 1))
        here = k.full(shape=(*batch, 1), value=j, dtype=int64, device=k.device_of(like))
        at_j, at_p = k.gather(order, here, axis=last), k.gather(order, p, axis=last)
        order = k.scatter(k.scatter(order, p, at_j, axis=last), here, at_p, axis=last)
    columns = k.reshape(k.arange(start=0, stop=n, step=1, dtype=int64, device=k.device_of(like)), shape=(n, 1))
    rows = k.reshape(order, shape=(*batch, 1, n))
    return k.cast(k.eq(columns, rows), dtype=k.dtype_of(like))


def _lu(k, gs, LU, pivots):  # noqa: N803
    """Square matrices: ``P L^-H (tril(L^H gL, -1) + triu(gU U^H)) U^-H``."""
    g = gs[0]
    m, n = LU.shape[-2:]
    if m != n:
        raise RuntimeError(f"the gradient of lu is offered for square matrices, got {m}x{n}")
    eye = _eye_like(k, LU)
    low, up = k.add(k.tril(LU, diagonal=-1), eye), k.triu(LU)
    left = k.tril(k.matmul(_h(k, low), k.tril(g, diagonal=-1)), diagonal=-1)
    right = k.triu(k.matmul(k.triu(g), _h(k, up)))
    inner = k.solve_triangular(_h(k, low), k.add(left, right), upper=True, unit=True)
    inner = _h(k, k.solve_triangular(up, _h(k, inner), upper=True))
    return k.matmul(_permutation(k, pivots, n, LU), inner)


defvjp("lu", a=_lu)


def _qr(k, gs, Q, R, mode):  # noqa: N803
    """For at least as many rows as columns, reduced: ``(gQ + Q (tril(M, -1) + tril(M, -1)^H + diag M)) R^-H`` with
    ``M = R gR^H - gQ^H Q``."""
    g_q, g_r = gs
    if Q.shape[-1] != R.shape[-1] or mode == "complete" and Q.shape[-2] != Q.shape[-1]:
        raise RuntimeError(
            "the gradient of qr is offered for matrices with at least as many rows as columns in mode 'reduced', "
            f"got Q {list(Q.shape)} and R {list(R.shape)}"
        )
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
        skew = k.mul(k.sub(m, _h(k, m)), 0.5)
        inner = k.div(_off(k, skew), k.cast(_differences(k, eigenvalues), dtype=dtype))
    if g_w is not None:
        diagonal = k.cast(_embed_diagonal(k, g_w), dtype=dtype)
        inner = diagonal if inner is None else k.add(inner, diagonal)
    return k.matmul(k.matmul(eigenvectors, inner), _h(k, eigenvectors))


defvjp("eigh", a=_eigh)


def _svd(k, gs, U, S, Vh, full):  # noqa: N803
    g_u, g_s, g_vh = gs
    if full and U.shape[-1] != Vh.shape[-2]:
        raise RuntimeError("the gradient of svd is offered for full_matrices=False")
    dtype = k.dtype_of(U)
    wide = k.cast(S, dtype=dtype)
    row, column = k.reshape(wide, shape=(*S.shape[:-1], 1, S.shape[-1])), k.reshape(wide, shape=(*S.shape, 1))
    inner = None
    if g_s is not None:
        inner = k.cast(_embed_diagonal(k, g_s), dtype=dtype)
    e = k.cast(_differences(k, k.mul(S, S)), dtype=dtype)
    v = _h(k, Vh)
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


def _fft(k, g, x_shape, axis, inverse):
    """The adjoint: the transform of the other direction, scaled."""
    n = x_shape[axis]
    back = k.fft(g, axis=axis, inverse=not inverse)
    return k.mul(back, n) if not inverse else k.div(back, n)


defvjp("fft", x=_fft)
