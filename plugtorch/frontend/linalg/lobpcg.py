"""Extreme eigenpairs of large symmetric matrices."""

from __future__ import annotations

from plugtorch.autograd.mode import no_grad

from ..joining import cat
from ..methods import exporter
from ..random_functions import randn
from .checks import eps_of
from .factorizations import cholesky, qr
from .solvers import solve_triangular
from .spectra import eigh

__all__: list[str] = []
_export = exporter(__all__)


def _ritz(a, b, basis, count, largest):
    """The best eigenvalues and vectors within the span of a basis."""
    q = qr(basis).Q
    small = q.mT @ (a @ q)
    if b is not None:
        low = cholesky(q.mT @ (b @ q))
        small = solve_triangular(low, small, upper=False)
        small = solve_triangular(low, small.mT, upper=False)
    values, vectors = eigh((small + small.mT) / 2)
    if b is not None:
        vectors = solve_triangular(low.mT, vectors, upper=True)
    if largest:
        values, vectors = values.flip(-1), vectors.flip(-1)
    return values[..., :count], q @ vectors[..., :count]


def _iterate(a, b, x, k, preconditioner, niter, tol, largest):
    count = x._a.shape[-1]
    a_size, b_size = a.norm(2, (-2, -1)), 1.0 if b is None else b.norm(2, (-2, -1))
    values, x = _ritz(a, b, x, count, largest)
    direction = None
    step = 0
    while niter is None or niter < 0 or step < niter:
        bx = x if b is None else b @ x
        rest = a @ x - bx * values.unsqueeze(-2)
        scale = x.norm(2, -2) * (a_size.unsqueeze(-1) + values.abs() * (b_size if b is None else b_size.unsqueeze(-1)))
        if bool((rest.norm(2, -2) <= tol * scale)[..., :k].all()):
            break
        rest = rest if preconditioner is None else preconditioner @ rest
        basis = [x, rest] if direction is None else [x, rest, direction]
        values, after = _ritz(a, b, cat(basis, -1), count, largest)
        direction = after - x @ (bx.mT @ after)
        x = after
        step += 1
    return x


@_export
def lobpcg(A, k=None, B=None, X=None, n=None, iK=None, niter=None, tol=None, largest=None, method=None,  # noqa: N803
           tracker=None, ortho_iparams=None, ortho_fparams=None, ortho_bparams=None):
    """The k largest (``largest=False``: smallest) eigenvalues and their vectors of symmetric matrices A (..., m, m), for
    ``A @ x = B @ x * value`` with positive definite B: A. Knyazev, "Toward the optimal preconditioned eigensolver: locally
    optimal block preconditioned conjugate gradient method" (2001), with a basis made orthonormal in every step.

    Args:
        k: how many, by default as many as X has columns, or 1.
        X: initial vectors (..., m, n), else n (k) random ones.
        iK: a preconditioner (..., m, m).
        niter: the most steps; 1000 by default, without limit if negative.
        tol: the relative size of the residual that is small enough, by default the root of the dtype's eps.
        method: "basic" or "ortho"; both name this one.
        tracker, ortho_iparams, ortho_fparams, ortho_bparams: not used.

    Returns:
        ``(values, vectors)`` of shapes (..., k) and (..., m, k). Values have a gradient in A and B; vectors have none.

    Raises:
        ValueError: m is smaller than three times n.
        RuntimeError: another method.
    """
    m = A._a.shape[-1]
    k = (1 if X is None else X._a.shape[-1]) if k is None else k
    n = (k if n is None else n) if X is None else X._a.shape[-1]
    if m < 3 * n:
        raise ValueError(f"LPBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3 x the "
                         f"number of requested eigenpairs (={n})")
    if method not in (None, "basic", "ortho"):
        raise RuntimeError(f"method must be 'basic' or 'ortho', got {method!r}")
    with no_grad():
        start = randn(*A._a.shape[:-2], m, n, dtype=A.dtype, device=A.device) if X is None else X
        x = _iterate(A, B, start, k, iK, 1000 if niter is None else niter, eps_of(A.dtype) ** 0.5 if tol is None else tol,
                     largest is not False)[..., :k]
    # The derivative of a value is that of its quotient with the vector held still.
    top = (x * (A @ x)).sum(-2)
    return (top if B is None else top / (x * (B @ x)).sum(-2)), x
