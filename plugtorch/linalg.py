"""``torch.linalg``."""

from plugtorch.frontend.linalg.checks import LinAlgError
from plugtorch.frontend.linalg.factorizations import (
    cholesky,
    cholesky_ex,
    householder_product,
    lu,
    lu_factor,
    lu_factor_ex,
    qr,
)
from plugtorch.frontend.linalg.ldl import ldl_factor, ldl_factor_ex, ldl_solve
from plugtorch.frontend.linalg.matrix_functions import (
    cond,
    det,
    matrix_exp,
    matrix_power,
    matrix_rank,
    pinv,
    slogdet,
)
from plugtorch.frontend.linalg.norms import linalg_norm as norm
from plugtorch.frontend.linalg.norms import matrix_norm, vector_norm
from plugtorch.frontend.linalg.solvers import (
    inv,
    inv_ex,
    lstsq,
    lu_solve,
    solve,
    solve_ex,
    solve_triangular,
    tensorinv,
    tensorsolve,
)
from plugtorch.frontend.linalg.spectra import eig, eigh, eigvals, eigvalsh, svd, svdvals
from plugtorch.frontend.linalg.structured import linalg_diagonal as diagonal
from plugtorch.frontend.linalg.structured import linalg_vander as vander
from plugtorch.frontend.linear import linalg_cross as cross
from plugtorch.frontend.linear import matmul, multi_dot, vecdot

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh",
    "householder_product", "inv", "inv_ex", "ldl_factor", "ldl_factor_ex", "ldl_solve", "lstsq", "lu", "lu_factor",
    "lu_factor_ex", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm",
    "pinv", "qr", "slogdet", "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve",
    "vander", "vecdot", "vector_norm",
]
