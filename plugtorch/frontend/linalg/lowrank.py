"""Singular values of matrices of low rank, by random projections.

N. Halko, P. G. Martinsson and J. A. Tropp, "Finding structure with randomness: probabilistic algorithms for constructing
approximate matrix decompositions" (2009).
"""

from __future__ import annotations

from ..methods import exporter
from ..random_functions import randn
from .factorizations import qr
from .spectra import reduced_svd

__all__: list[str] = []
_export = exporter(__all__)


def _approximate_basis(a, q, niter, mean):
    """Q (..., m, q) with orthonormal columns, of which ``Q Q^H a`` is close to a: algorithm 4.4 of Halko and others."""
    def times(x):
        return a @ x if mean is None else a @ x - mean @ x

    def times_adjoint(x):
        return a.mH @ x if mean is None else a.mH @ x - mean.mH @ x

    start = randn(a._a.shape[-1], q, dtype=a.dtype, device=a.device)
    basis = qr(times(start)).Q
    for _ in range(niter):
        basis = qr(times_adjoint(basis)).Q
        basis = qr(times(basis)).Q
    return basis


@_export
def svd_lowrank(A, q=6, niter=2, M=None):  # noqa: N803
    """``(U, S, V)`` with ``A - M`` close to ``U @ diag(S) @ V^H``, of q singular values, for matrices (..., m, n): Halko and
    others, algorithm 5.1.

    Args:
        q: how many values; a little more than the rank.
        niter: power iterations.
        M: a matrix of A's shape that is taken off (the mean, in principal component analysis).
    """
    q = 6 if q is None else q
    m, n = A._a.shape[-2:]
    if M is not None:
        M = M.expand(*A._a.shape)  # noqa: N806
    if m < n:
        A, M = A.mH, None if M is None else M.mH  # noqa: N806
    basis = _approximate_basis(A, q, niter, M)
    small = basis.mH @ A if M is None else basis.mH @ (A - M)
    u, s, v = reduced_svd(small)
    u = basis @ u
    return (v, s, u) if m < n else (u, s, v)


@_export
def pca_lowrank(A, q=None, center=True, niter=2):  # noqa: N803
    """Principal components of the rows of matrices (..., m, n): ``(U, S, V)`` of A less the mean of its columns, unless
    ``center`` is off; the components are V's columns.

    Args:
        q: how many, by default ``min(6, m, n)``.

    Raises:
        ValueError: q or niter is out of range, or the dtype is not floating.
    """
    m, n = A._a.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if not niter >= 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if not A.dtype.differentiable:
        raise ValueError(f"A must be a floating point tensor, got dtype {A.dtype!r}")
    if not center:
        return svd_lowrank(A, q, niter=niter, M=None)
    return svd_lowrank(A - A.mean(-2, keepdim=True), q, niter=niter, M=None)
