"""Eigenvalues and singular values."""

from __future__ import annotations

from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import FLOAT, HALF, int32

from ..amp.casting import autocasts
from ..dispatch import store, to_dtype
from ..return_types import struct
from ..shaping import transpose
from .checks import all_finite, raise_for, require_floating, require_kernel, require_matrix, require_square

SVD = struct("linalg_svd", ["U", "S", "Vh"])
Eigh = struct("linalg_eigh", ["eigenvalues", "eigenvectors"])
Eig = struct("linalg_eig", ["eigenvalues", "eigenvectors"])


def _eigh(a, uplo):
    require_kernel(require_square(a, "linalg.eigh"), "linalg_eigh_cpu")
    if uplo.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {uplo}")
    return Eigh(*apply("eigh", (a if uplo.upper() == "L" else a.mH,)))


@autocasts
def eigh(A, UPLO="L", *, out=None):  # noqa: N803
    """Ascending real eigenvalues (..., n) and orthonormal eigenvectors, columns of (..., n, n), of Hermitian matrices, of
    which the lower (UPLO "L") or the upper ("U") triangle is read.

    Raises:
        RuntimeError: A is not square, or another UPLO.
        NotImplementedError: the dtype is not float32, float64 or complex.
    """
    return store(out, _eigh(A, UPLO))


@autocasts
def eigvalsh(A, UPLO="L", *, out=None):  # noqa: N803
    """Ascending real eigenvalues of Hermitian matrices: see :func:`eigh`."""
    return store(out, _eigh(A, UPLO).eigenvalues)


def _eig(a, name):
    require_square(a, f"linalg.{name}")
    if a.dtype.category < FLOAT:
        raise RuntimeError(f"Unknown Complex ScalarType for {a.dtype.legacy}")
    if a.dtype in HALF:
        raise NotImplementedError(f"\"linalg_eig_out_cpu\" not implemented for '{a.dtype.legacy}'")
    if not all_finite(a):
        raise RuntimeError("torch.linalg.eig: input tensor should not contain infs or NaNs.")
    return Eig(*apply("eig", (a,)))


@autocasts
def eig(A, *, out=None):  # noqa: N803
    """Complex eigenvalues (..., n) and eigenvectors of norm 1, columns of (..., n, n), of square matrices.

    Raises:
        RuntimeError: A is not square, not floating or not finite.
        NotImplementedError: a half precision.
    """
    return store(out, _eig(A, "eig"))


@autocasts
def eigvals(A, *, out=None):  # noqa: N803
    """Complex eigenvalues of square matrices: see :func:`eig`."""
    return store(out, _eig(A, "eigvals").eigenvalues)


def _svd(a, full, driver=None):
    require_floating(require_matrix(a, "linalg.svd"), "linalg.svd")
    if driver is not None:
        raise RuntimeError("torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER "
                           "backend.")
    require_kernel(a, "linalg_svd_cpu")
    u, s, vh = apply("svd", (a,), {"full": full})
    if not all_finite(s):
        reason = ("is ill-conditioned or has too many repeated singular values (error code: {})." if all_finite(a)
                  else "contained non-finite values.")
        lost = to_dtype((~s.detach().isfinite()).any(-1), int32)
        raise_for(lost, "linalg.svd", f"The algorithm failed to converge because the input matrix {reason}")
    return SVD(u, s, vh)


@autocasts
def svd(A, full_matrices=True, *, driver=None, out=None):  # noqa: N803
    """Singular values (..., k), descending, and vectors with ``A = U @ diag(S) @ Vh`` of matrices (..., m, n).

    Args:
        full_matrices: U (..., m, m) and Vh (..., n, n), else (..., m, k) and (..., k, n), with ``k = min(m, n)``.
        driver: must be None.

    Raises:
        RuntimeError: no matrices, not floating, or a driver is named.
        LinAlgError: values are not finite, or the library did not converge.
        NotImplementedError: a half precision.
    """
    return store(out, _svd(A, full_matrices, driver))


@autocasts
def svdvals(A, *, driver=None, out=None):  # noqa: N803
    """Singular values (..., min(m, n)), descending: see :func:`svd`."""
    return store(out, _svd(A, False, driver).S)


def reduced_svd(a):
    """``(U, S, V)`` with ``a = U @ diag(S) @ V^H`` and no more vectors than values."""
    u, s, vh = _svd(a, False)
    return u, s, transpose(vh, -2, -1).conj()
