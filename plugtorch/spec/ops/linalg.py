"""Linear algebra and Fourier primitives, batched over leading axes.

A matrix that cannot be factored raises ``RuntimeError`` on libraries that
notice, and gives nan on those that do not.
"""

from __future__ import annotations

from ..abstract import Abstract, broadcast_shapes
from ..dtypes import int32
from ..op import primitive


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
    """x with ``a @ x = b`` for square a; b has two dimensions or more.

    Raises:
        RuntimeError: a matrix is singular and the library noticed.
    """
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return Abstract((*batch, *b.shape[-2:]), b.dtype)


@primitive("linalg")
def fft(k, x, *, axis, inverse=False):
    """Discrete Fourier transform of complex x along one axis, unscaled forward and 1/n inverse."""
    return x
