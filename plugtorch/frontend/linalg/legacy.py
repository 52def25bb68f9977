"""The matrix functions of ``torch.*`` and Tensor, which are older than ``torch.linalg``, and the ones that are gone."""

from __future__ import annotations

from plugtorch.autograd.names import named

from ..amp.casting import autocasts
from ..dispatch import store
from ..methods import exporter, method
from ..return_types import struct
from . import factorizations, matrix_functions, solvers, spectra
from .checks import raise_for

__all__: list[str] = []
_export = exporter(__all__)
QR = struct("qr", ["Q", "R"])
SVD = struct("svd", ["U", "S", "V"])
TriangularSolve = struct("triangular_solve", ["solution", "cloned_coefficient"])
LUWithInfo = struct("_lu_with_info", ["LU", "pivots", "info"])

for _function in (matrix_functions.det, matrix_functions.slogdet, matrix_functions.logdet, matrix_functions.matrix_exp,
                  matrix_functions.matrix_power, solvers.cholesky_solve, solvers.cholesky_inverse, factorizations.geqrf,
                  factorizations.ormqr):
    globals()[_function.__name__] = _export(method(_function))
lu_unpack = _export(factorizations.lu_unpack)


@_export
@method
@named("CholeskyBackward0")
@autocasts
def cholesky(input, upper=False, *, out=None):
    """The triangular Cholesky factor: see :func:`plugtorch.linalg.cholesky`.

    Raises:
        RuntimeError: the matrices are not square.
        LinAlgError: one is not positive definite.
    """
    low, info = factorizations._cholesky(input, upper, None, "cholesky")
    raise_for(info, "cholesky", factorizations.NOT_DEFINITE)
    return store(out, low)


@_export
@method
@autocasts
def inverse(input, *, out=None):
    """The inverses of square matrices: see :func:`plugtorch.linalg.inv`."""
    return solvers.inv(input, out=out)


@_export
@method
@autocasts
def pinverse(input, rcond=1e-15):
    """The pseudo-inverse; singular values not above ``rcond`` times the greatest count as 0."""
    return matrix_functions.pinv(input, rcond)


@_export
@method
@autocasts
def orgqr(input, input2):
    """The first columns of a product of Householder reflections: see :func:`plugtorch.linalg.householder_product`."""
    return factorizations.householder_product(input, input2)


@_export
@method
@autocasts
def qr(input, some=True, *, out=None):
    """``(Q, R)`` with ``input = Q @ R``; ``some`` for Q of ``min(m, n)`` columns, else square."""
    return store(out, QR(*factorizations.qr(input, "reduced" if some else "complete")))


@_export
@method
@autocasts
def svd(input, some=True, compute_uv=True, *, out=None):
    """``(U, S, V)`` with ``input = U @ diag(S) @ V^H``; ``some`` for no more vectors than values. Without ``compute_uv``
    U and V are zeros."""
    if input.dim() < 2:
        raise RuntimeError(f"linalg.svd: input should have at least 2 dimensions, but has {input.dim()} dimensions instead")
    if compute_uv:
        u, s, vh = spectra.svd(input, not some)
        return store(out, SVD(u, s, vh.mH))
    *batch, m, n = input._a.shape
    values = spectra.svdvals(input)
    return store(out, SVD(input.new_zeros((*batch, m, m)), values, input.new_zeros((*batch, n, n))))


@_export
@method
@named("TriangularSolveBackward0")
@autocasts
def triangular_solve(input, A, upper=True, transpose=False, unitriangular=False, *, out=None):  # noqa: N803
    """``(solution, cloned_coefficient)`` of ``A @ X = input`` (``transpose``: A^T in place of A) for triangular A; leading
    dimensions broadcast.

    Raises:
        RuntimeError: shapes or dtypes do not fit.
    """
    b = input
    if b.dim() < 2:
        raise RuntimeError(f"torch.triangular_solve: Expected b to have at least 2 dimensions, but it has {b.dim()} "
                           "dimensions instead")
    if A.dim() < 2:
        raise RuntimeError(f"torch.triangular_solve: Expected A to have at least 2 dimensions, but it has {A.dim()} "
                           "dimensions instead")
    if b.dtype is not A.dtype:
        raise RuntimeError("triangular_solve: Expected b and A to have the same dtype, but found b of type "
                           f"{b.dtype.legacy} and A of type {A.dtype.legacy} instead.")
    if A._a.shape[-1] != A._a.shape[-2]:
        raise RuntimeError(f"triangular_solve: A must be batches of square matrices, but they are {A._a.shape[-2]} by "
                           f"{A._a.shape[-1]} matrices")
    if A._a.shape[-2] != b._a.shape[-2]:
        raise RuntimeError(f"Incompatible matrix sizes for triangular_solve: each A matrix is {A._a.shape[-1]} by "
                           f"{A._a.shape[-1]} but each b matrix is {b._a.shape[-2]} by {b._a.shape[-1]}")
    a, b = solvers._batches(A, b)
    used = a.mT if transpose else a
    x = solvers.solve_triangular(used, b, upper=bool(upper) is not bool(transpose), unitriangular=unitriangular)
    return store(out, TriangularSolve(x, a.clone()))


@_export
def lu(A, pivot=True, get_infos=False, out=None):  # noqa: N803
    """``(LU, pivots)``, with ``get_infos`` also error codes: see :func:`plugtorch.linalg.lu_factor_ex`."""
    packed, pivots, info = factorizations.lu_factor_ex(A, pivot=pivot)
    if get_infos:
        return store(out, LUWithInfo(packed, pivots, info))
    return store(out, (packed, pivots))


method(lu)


@_export
@method
@autocasts
def lu_solve(input, LU_data, LU_pivots, *, out=None):  # noqa: N803
    """X with ``A @ X = input`` from A's packed factors: see :func:`plugtorch.linalg.lu_solve`."""
    return solvers.lu_solve(LU_data, LU_pivots, input, out=out)


# What PyTorch has removed, with the word about its replacement.

_GONE = "This function was deprecated since version 1.9 and is now removed."


def _removed(name, text, tensor=True):
    def function(*args, **kwargs):
        raise RuntimeError(text)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Removed from PyTorch, and raises its RuntimeError: see torch.linalg in place of torch.{name}."
    globals()[name] = _export(function)
    if tensor:
        method(function)


_removed(
    "eig",
    f"{_GONE} `torch.linalg.eig` returns complex tensors of dtype `cfloat` or `cdouble` rather than real tensors "
    "mimicking complex tensors.\n\nL, _ = torch.eig(A) should be replaced with:\nL_complex = "
    "torch.linalg.eigvals(A)\n\nand\n\nL, V = torch.eig(A, eigenvectors=True) should be replaced with:\n"
    "L_complex, V_complex = torch.linalg.eig(A)",
)
_removed(
    "symeig",
    f"{_GONE} The default behavior has changed from using the upper triangular portion of the matrix by default to using "
    "the lower triangular portion.\n\nL, _ = torch.symeig(A, upper=upper) should be replaced with:\nL = "
    "torch.linalg.eigvalsh(A, UPLO='U' if upper else 'L')\n\nand\n\nL, V = torch.symeig(A, eigenvectors=True) "
    "should be replaced with:\nL, V = torch.linalg.eigh(A, UPLO='U' if upper else 'L')",
)
_removed(
    "lstsq",
    f"{_GONE} `torch.lstsq` is deprecated in favor of `torch.linalg.lstsq`.\n`torch.linalg.lstsq` has reversed arguments "
    "and does not return the QR decomposition in the returned tuple (although it returns other information about "
    "the problem).\n\nTo get the QR decomposition consider using `torch.linalg.qr`.\n\nThe returned solution in "
    "`torch.lstsq` stored the residuals of the solution in the last m - n columns of the returned value whenever "
    "m > n. In torch.linalg.lstsq, the residuals are in the field 'residuals' of the returned named tuple.\n\n"
    "The unpacking of the solution, as in\nX, _ = torch.lstsq(B, A).solution[:A.size(1)]\nshould be replaced "
    "with:\nX = torch.linalg.lstsq(A, B).solution",
)
_removed(
    "solve",
    f"{_GONE} `torch.solve` is deprecated in favor of `torch.linalg.solve`. `torch.linalg.solve` has its arguments "
    "reversed and does not return the LU factorization.\n\nTo get the LU factorization see `torch.lu`, which can "
    "be used with `torch.lu_solve` or `torch.lu_unpack`.\nX = torch.solve(B, A).solution should be replaced "
    "with:\nX = torch.linalg.solve(A, B)",
)
_removed(
    "matrix_rank",
    f"{_GONE}\nPlease use the `torch.linalg.matrix_rank` function instead. The parameter 'symmetric' was renamed in "
    "`torch.linalg.matrix_rank()` to 'hermitian'.",
    tensor=False,
)
