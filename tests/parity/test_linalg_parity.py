"""torch.linalg and the matrix functions of torch.* and Tensor: values, dtypes, gradients and errors against PyTorch."""

from __future__ import annotations

import pytest
from compare import agree

REAL = (
    "a = torch.tensor([[4., 1., -2.], [1., 3., 0.5], [0.25, -1., 5.]], dtype=torch.float64); "
    "s = a @ a.mT; t = torch.tensor([[1., 2.], [0.5, -1.], [3., 1.], [2., 2.]], dtype=torch.float64); "
    "b = torch.stack([a, 2 * a.mT - 1]); r = torch.tensor([[1., 2.], [0., 1.], [-1., 3.]], dtype=torch.float64)"
)
COMPLEX = REAL + "; j = torch.tensor([[1., 0.5, -1.], [0., 2., 1.], [3., -1., 0.25]], dtype=torch.float64); " \
    "a = torch.complex(a, j); s = a @ a.mH; b = torch.stack([a, 2 * a.mT - 1j]); r = r * (1 + 2j); t = t * (2 - 1j)"

VALUES = [
    "torch.linalg.cholesky(s)",
    "torch.linalg.cholesky(s, upper=True)",
    "torch.linalg.cholesky_ex(s)",
    "torch.linalg.cholesky_ex(torch.stack([s, s - 30 * torch.eye(3)])).info",
    "torch.cholesky(s)",
    "torch.cholesky_solve(r, torch.linalg.cholesky(s))",
    "torch.cholesky_solve(r, torch.linalg.cholesky(s).mH, upper=True)",
    "torch.cholesky_inverse(torch.linalg.cholesky(s))",
    "torch.linalg.cond(a)",
    "torch.linalg.cond(b, 1)",
    "torch.linalg.cond(a, 'fro')",
    "torch.linalg.cond(a * 0, 1)",
    "torch.linalg.det(b)",
    "torch.det(a)",
    "torch.linalg.slogdet(b)",
    "torch.logdet(s)",
    "torch.linalg.inv(b)",
    "torch.linalg.inv_ex(torch.stack([a, a]))",
    "torch.inverse(a)",
    "torch.linalg.pinv(t)",
    "torch.linalg.pinv(t, atol=3.)",
    "torch.linalg.pinv(s, hermitian=True)",
    "torch.pinverse(t)",
    "torch.linalg.solve(a, r)",
    "torch.linalg.solve(b, r)",
    "torch.linalg.solve(b, r.mT, left=False)",
    "torch.linalg.solve(b, b[..., 0])",
    "torch.linalg.solve_ex(a, r)",
    "torch.linalg.solve_triangular(a, r, upper=True)",
    "torch.linalg.solve_triangular(a, r.mT, upper=False, left=False, unitriangular=True)",
    "torch.triangular_solve(r, a)",
    "torch.triangular_solve(r, a, upper=False, transpose=True)",
    "torch.linalg.lu(t)",
    "torch.linalg.lu(t.mT)",
    "torch.linalg.lu_factor(b)",
    "torch.linalg.lu_factor_ex(a * 0)",
    "torch.lu_unpack(*torch.linalg.lu_factor(b))",
    "torch.linalg.lu_solve(*torch.linalg.lu_factor(a), r)",
    "torch.linalg.lu_solve(*torch.linalg.lu_factor(a), r, adjoint=True)",
    "torch.linalg.lu_solve(*torch.linalg.lu_factor(b), b, left=False)",
    "torch.lu_solve(r, *torch.lu(a))",
    "torch.linalg.ldl_factor(s)",
    "torch.linalg.ldl_factor(s - 40 * torch.eye(3))",
    "torch.linalg.ldl_solve(*torch.linalg.ldl_factor(s - 40 * torch.eye(3)), r)",
    "torch.linalg.ldl_factor(torch.tensor([[0., 1, 2], [1, 0, 3], [2, 3, 0]]))",
    "torch.linalg.ldl_factor(s - 9 * torch.eye(3), hermitian=True)",
    "torch.linalg.lstsq(t, t).solution",
    "torch.linalg.lstsq(t, t[:, 0], driver='gelsd')",
    "torch.linalg.lstsq(t, t * t, driver='gels')",
    "torch.linalg.lstsq(t.mT, r[:2])",
    "torch.linalg.matrix_exp(b)",
    "torch.matrix_exp(a / 8)",
    "torch.linalg.matrix_power(b, 3)",
    "torch.linalg.matrix_power(a, -2)",
    "torch.matrix_power(a, 0)",
    "torch.linalg.matrix_rank(torch.stack([a, a * 0]))",
    "torch.linalg.matrix_rank(a, atol=4., rtol=0.)",
    "torch.linalg.matrix_rank(s, hermitian=True)",
    *(f"torch.linalg.matrix_norm(b, {p})" for p in ("'fro'", "'nuc'", 1, -1, 2, -2, "math.inf", "-math.inf")),
    "torch.linalg.matrix_norm(b, 1, (0, 2), True)",
    *(f"torch.linalg.vector_norm(b, {p}, 1)" for p in (0, 0.5, 1, 2, 3, "math.inf", "-math.inf")),
    "torch.linalg.norm(a)",
    "torch.linalg.norm(a, 2)",
    "torch.linalg.norm(b, 1, (0, 1))",
    "torch.norm(a, p='nuc')",
    "torch.norm(a, 3, dim=(0, 1), keepdim=True)",
    "a.norm(1, 0)",
    "torch.linalg.qr(t)",
    "torch.linalg.qr(t, 'complete').R",
    "torch.linalg.qr(t, 'r').R",
    "torch.geqrf(t)",
    "torch.linalg.householder_product(*torch.geqrf(t))",
    "torch.orgqr(*torch.geqrf(t))",
    "torch.ormqr(*torch.geqrf(t), t)",
    "torch.ormqr(*torch.geqrf(t), t.mT, left=False, transpose=True)",
    "torch.linalg.svdvals(t)",
    "torch.svd(t, compute_uv=False)",
    "torch.linalg.svd(t).S",
    "torch.linalg.eigvalsh(s)",
    "torch.linalg.eigvalsh(s, UPLO='U')",
    "torch.linalg.tensorinv(torch.stack([a.reshape(9)[:8], a.reshape(9)[1:]]).reshape(4, 2, 2) "
    "+ torch.eye(4).reshape(4, 2, 2), ind=1)",
    "torch.linalg.tensorsolve(a.reshape(3, 3, 1), r[:, 0])",
    "torch.linalg.vander(r[:, 1])",
    "torch.vander(r[:, 1], 2, increasing=True)",
    "torch.linalg.vecdot(a, b)",
    "torch.linalg.cross(a, b[1])",
    "torch.linalg.cross(a, b[1], dim=0)",
    "torch.linalg.diagonal(b, offset=1)",
    "torch.linalg.multi_dot([a[0], a, r, r.mT, a[1]])",
    "torch.chain_matmul(a, r)",
    "torch.kron(a, r)",
    "torch.kron(b, r[0])",
    "torch.cov(t)",
    "torch.cov(t.mT, correction=0, fweights=torch.tensor([1, 2, 1, 3]))",
    "torch.corrcoef(t.mT)",
    "torch.diagflat(r, 1)",
    "torch.combinations(r[:, 1], 2)",
    "torch.combinations(r[:, 1], 2, with_replacement=True)",
    "torch.renorm(a, 2, 0, 3.)",
    "torch.trapezoid(t, dim=0)",
    "torch.trapz(a, dx=0.5)",
    "torch.cumulative_trapezoid(t, torch.tensor([0., 1., 3., 4.], dtype=torch.float64), dim=0)",
    "a.sum_to_size(1, 3)",
    "torch.linalg.inv(torch.zeros(0, 3, 3))",
    "torch.linalg.det(torch.zeros(2, 0, 0))",
    "torch.linalg.pinv(torch.zeros(0, 3))",
    "out = torch.empty(0, dtype=a.dtype); torch.linalg.inv(a, out=out); out",
]
REAL_ONLY = [
    *(f"torch.cdist(t, r.mT[:, :2], p={p})" for p in (0, 0.5, 1, 1.5, 2, "math.inf")),
    "torch.cdist(t, t, compute_mode='use_mm_for_euclid_dist')",
    *(f"torch.nn.functional.pdist(t, {p})" for p in (0, 1, 2, 3, "math.inf")),
    "torch.cov(t.mT, aweights=t[:, 1].abs())",
]


@pytest.mark.parametrize("source", VALUES)
@pytest.mark.parametrize("setup", [REAL, COMPLEX], ids=["real", "complex"])
def test_values(setup, source):
    agree(f"{setup}; {source}", tolerance=1e-7)


@pytest.mark.parametrize("source", REAL_ONLY)
def test_real_values(source):
    agree(f"{REAL}; {source}", tolerance=1e-6)


GRADIENTS = [
    "torch.linalg.cholesky(x @ x.mH).abs()",
    "torch.linalg.det(x)",
    "torch.linalg.slogdet(x).logabsdet",
    "torch.linalg.inv(x)",
    "torch.linalg.pinv(x[:, :2])",
    "torch.linalg.pinv(x[:2])",
    "torch.linalg.lstsq(x[:, :2], x[:, 2:]).solution",
    "torch.linalg.matrix_exp(x / 4)",
    "torch.linalg.qr(x)[1].abs()",
    "torch.linalg.qr(x[:2])[1].abs()",
    "torch.linalg.qr(x[:, :2])[0].abs()",
    "torch.linalg.svd(x[:2])[2][:2].abs()",
    "torch.linalg.svd(x[:, :2])[0][:, :2].abs()",
    "torch.linalg.svdvals(x)",
    "torch.linalg.lu(x)[1]",
    "torch.linalg.lu(x[:2])[2]",
    "torch.linalg.lu(x[:, :2])[1]",
    "torch.linalg.lu_factor(x[:, :2])[0]",
    "torch.linalg.eig(x)[0].abs()",
    "torch.linalg.eigvalsh(x + x.mH)",
    "torch.cholesky_inverse(torch.linalg.cholesky(x @ x.mH))",
    "torch.linalg.householder_product(x / 8, x[0] / 4)",
    "torch.linalg.solve(x, x[0])",
    "torch.linalg.matrix_norm(x, 'nuc')",
    "torch.linalg.matrix_norm(x, 2)",
    "torch.linalg.cond(x)",
    "torch.linalg.vector_norm(x * 0)",
    "torch.kron(x, x)",
    "torch.renorm(x, 2, 0, 3.)",
    "torch.cov(x)",
]


@pytest.mark.parametrize("source", GRADIENTS)
@pytest.mark.parametrize("setup", [REAL, COMPLEX], ids=["real", "complex"])
def test_gradients(setup, source):
    agree(f"{setup}; x = a.clone().requires_grad_(); y = {source}; "
          "w = torch.arange(1, y.numel() + 1, dtype=torch.float64).reshape(y.shape); "
          "l = (y * w).sum(); l = l.real + 2 * l.imag if l.is_complex() else l; l.backward(); x.grad", tolerance=1e-6)


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, "math.inf"])
def test_distance_gradients_at_zero(p):
    agree("x = torch.tensor([[1., 2.], [1., 2.], [2., 4.]], dtype=torch.float64, requires_grad=True); "
          f"torch.cdist(x, x.detach()[:2], p={p}).sum().backward(); x.grad")
    agree("x = torch.tensor([[1., 2.], [1., 2.], [2., 4.]], dtype=torch.float64, requires_grad=True); "
          f"torch.nn.functional.pdist(x, {p}).sum().backward(); x.grad")


def test_the_adjugate_of_a_singular_matrix():
    """PyTorch's, which it computes where the gradient itself is recorded."""
    for matrix in ("[[1., 2.], [2., 4.]]", "[[1., 2., 3.], [2., 4., 6.], [1., 0., 1.]]"):
        agree(f"x = torch.tensor({matrix}, dtype=torch.float64, requires_grad=True); "
              "g, = torch.autograd.grad(torch.linalg.det(x), x, create_graph=True); g.detach()", tolerance=1e-9)


BAD = "n = torch.tensor([[1., 2.], [2., 1.]]); z = torch.tensor([[1., 2.], [2., 4.]]); e = torch.eye(2); nan = n * math.nan"
ERRORS = [
    ("torch.linalg.cholesky(n)", "(the leading minor of order 2 is not positive-definite)"),
    ("torch.linalg.cholesky(torch.stack([e, n]))", "linalg.cholesky: (Batch element 1): The factorization"),
    ("torch.cholesky(n)", "cholesky: The factorization could not be completed"),
    ("torch.linalg.cholesky_ex(n, check_errors=True)", "linalg.cholesky_ex: The factorization"),
    ("torch.linalg.solve(z, e)", "torch.linalg.solve: The solver failed because the input matrix is singular."),
    ("torch.linalg.inv(z)", "linalg.inv: The diagonal element 2 is zero"),
    ("torch.linalg.inv(torch.stack([e, z]))", "linalg.inv: (Batch element 1): The diagonal element 2 is zero"),
    ("torch.linalg.svd(nan)", "contained non-finite values"),
    ("torch.linalg.eig(nan)", "should not contain infs or NaNs"),
    ("torch.linalg.lu_factor(z)", "U[2,2] is zero"),
    ("torch.linalg.lu(e, pivot=False)", "LU without pivoting is not implemented on the CPU"),
    ("torch.linalg.qr(torch.ones(3, 2, requires_grad=True), 'complete').Q.sum().backward()", "not differentiable"),
    ("torch.linalg.qr(torch.ones(3, 2, requires_grad=True), 'r').R.sum().backward()", "depends on Q"),
    ("torch.geqrf(torch.ones(3, 2, requires_grad=True))[0].sum().backward()", "the derivative for 'geqrf'"),
    ("torch.linalg.eigh(torch.tensor([[1., 2j], [-2j, 3.]], requires_grad=True))[1].real.sum().backward()", "e^{i phi}"),
    ("torch.linalg.det(torch.ones(2, 3))", "linalg.det: A must be batches of square matrices"),
    ("torch.linalg.det(e.half())", "\"lu_cpu\" not implemented for 'Half'"),
    ("torch.linalg.slogdet(e.bfloat16())", "Low precision dtypes not supported"),
    ("torch.linalg.svd(e.bfloat16())", "\"linalg_svd_cpu\" not implemented for 'BFloat16'"),
    ("torch.linalg.solve(e, torch.ones(3, 2))", "Incompatible shapes of A and B for the equation AX = B"),
    ("torch.linalg.matrix_norm(e, 3)", "Order 3 not supported"),
    ("torch.linalg.cond(e, 'x')", "invalid norm type: x"),
    ("torch.linalg.multi_dot([e])", "expected at least 2 tensors but got 1"),
    ("torch.cdist(e, torch.ones(2, 3))", "must have the same number of columns"),
    ("torch.eig(e)", "is now removed"),
    ("torch.symeig(e)", "is now removed"),
    ("torch.matrix_rank(e)", "is now removed"),
]


@pytest.mark.parametrize(("source", "message"), ERRORS)
def test_errors(source, message):
    agree(f"{BAD}; {source}", message=message)


def test_names():
    import torch as reference

    import plugtorch

    names = {n for n in dir(reference.linalg) if not n.startswith("_")} - {"common_notes"}
    assert not sorted(names - set(plugtorch.linalg.__all__))
