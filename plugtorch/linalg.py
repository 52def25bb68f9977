"""``torch.linalg``: the factorisations and products that the op spec has."""

from plugtorch.frontend.linear import (
    cholesky,
    cross,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    inv,
    matmul,
    multi_dot,
    qr,
    solve,
    solve_triangular,
    svd,
    svdvals,
)

__all__ = ["cholesky", "cross", "eig", "eigh", "eigvals", "eigvalsh", "inv", "matmul", "multi_dot", "qr", "solve",
           "solve_triangular", "svd", "svdvals"]
