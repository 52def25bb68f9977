"""Matrix functions on every backend: identities, gradients of every order, batches under vmap, failures."""

from __future__ import annotations

import itertools
import math

import pytest

import plugtorch as torch
from plugtorch.autograd import gradcheck, gradgradcheck

DOUBLE = torch.float64
L = torch.linalg


def matrix(*shape, dtype=DOUBLE):
    """Normal values from the seed."""
    return torch.randn(*shape, dtype=dtype)


def close(a, b, tolerance=1e-8):
    assert tuple(a.shape) == tuple(b.shape)
    assert float((a - b).abs().max()) < tolerance


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 3, 4)])
def test_factors_multiply_to_the_matrix(shape, dtype):
    a = matrix(*shape, dtype=dtype)
    p, low, up = L.lu(a)
    close(p @ low @ up, a)
    q, r = L.qr(a)
    close(q @ r, a)
    u, s, vh = L.svd(a, full_matrices=False)
    close((u * s.unsqueeze(-2)) @ vh, a)
    packed, tau = torch.geqrf(a)
    n = min(shape[-2:])
    close(L.householder_product(packed[..., :n], tau) @ packed[..., :n, :].triu(), a)
    close(torch.lu_unpack(*L.lu_factor(a))[1], low)


@pytest.mark.parametrize("hermitian", [False, True])
def test_ldl_solves_what_is_not_definite(hermitian):
    a = matrix(4, 4, dtype=torch.complex128)
    a = a + (a.mH if hermitian else a.mT)
    a = torch.stack([a, a * (1 - torch.eye(4))])  # a zero diagonal needs blocks of two
    b = matrix(2, 4, 2, dtype=torch.complex128)
    packed, pivots = L.ldl_factor(a, hermitian=hermitian)
    assert int(pivots[1].min()) < 0
    close(a @ L.ldl_solve(packed, pivots, b, hermitian=hermitian), b)


def test_solvers_agree():
    a, b = matrix(2, 3, 3), matrix(3, 2)
    x = L.solve(a, b)
    close(a @ x, b.expand(2, 3, 2))
    close(L.inv(a) @ b, x)
    close(L.lu_solve(*L.lu_factor(a), b), x)
    close(L.pinv(a) @ b, x)
    close(L.lstsq(a, b.expand(2, 3, 2)).solution, x)
    rows = b.mT.expand(2, 2, 3)
    close(L.solve(a, rows, left=False) @ a, rows)
    s = a @ a.mT + torch.eye(3)
    close(torch.cholesky_solve(b, L.cholesky(s)), L.solve(s, b))


def test_determinants():
    a = matrix(3, 3)
    minors = sum((-1) ** sum(p[i] > p[j] for i in range(3) for j in range(i + 1, 3)) * a[0, p[0]] * a[1, p[1]] * a[2, p[2]]
                 for p in itertools.permutations(range(3)))
    close(L.det(a), minors)
    sign, size = L.slogdet(a)
    close(sign * size.exp(), minors)
    assert float(L.det(torch.zeros(0, 0))) == 1


def test_the_exponential_of_a_rotation():
    angle = torch.tensor([0.0, 0.5, 3.0, 40.0], dtype=DOUBLE)
    zero = angle * 0
    turn = torch.stack([torch.stack([zero, -angle], -1), torch.stack([angle, zero], -1)], -2)
    y = L.matrix_exp(turn)
    close(y[:, 0, 0], angle.cos(), 1e-11)
    close(y[:, 1, 0], angle.sin(), 1e-11)
    assert L.matrix_exp(torch.full((2, 2), math.inf)).isnan().all()


SMOOTH = {
    "det": L.det,
    "logabsdet": lambda x: L.slogdet(x)[1],
    "inv": L.inv,
    "pinv": lambda x: L.pinv(x[:, :2]),
    "matrix_exp": lambda x: L.matrix_exp(x / 4),
    "cholesky_solve": lambda x: torch.cholesky_solve(x, L.cholesky(x @ x.mT + torch.eye(3, dtype=DOUBLE))),
    "lu wide": lambda x: L.lu(x[:2])[2],
    "lu tall": lambda x: L.lu(x[:, :2])[1],
    "qr wide": lambda x: L.qr(x[:2])[1],
    "svd": lambda x: L.svd(x[:2], full_matrices=True)[1],
    "householder": lambda x: L.householder_product(x, x[0]),
    "cdist": lambda x: torch.cdist(x, torch.ones(2, 3, dtype=DOUBLE), 3.0),
    "cond": lambda x: L.cond(x, 1),
    "cov": torch.cov,
    "nuclear": lambda x: L.matrix_norm(x, "nuc"),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients(name):
    x = (matrix(3, 3) + 2 * torch.eye(3, dtype=DOUBLE)).requires_grad_()

    def function(x):
        return SMOOTH[name](x).reshape(-1)

    assert gradcheck(function, (x,))
    if name in ("det", "pinv", "matrix_exp", "lu tall", "cholesky_solve"):
        assert gradgradcheck(function, (x,))


def test_the_gradient_of_a_singular_determinant_is_the_adjugate():
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=DOUBLE, requires_grad=True)
    (g,) = torch.autograd.grad(L.det(x), x)
    close(g, torch.tensor([[4.0, -2.0], [-2.0, 1.0]], dtype=DOUBLE))


@pytest.mark.parametrize("name", ["det", "inv", "matrix_exp", "lu wide", "pinv", "cov"])
def test_samples_under_vmap_are_those_of_a_loop(name):
    x = matrix(3, 3, 3) + 2 * torch.eye(3, dtype=DOUBLE)
    f = SMOOTH[name]
    close(torch.func.vmap(f)(x), torch.stack([f(sample) for sample in x]))
    g = torch.func.grad(lambda a: f(a).sum())
    close(torch.func.vmap(g)(x), torch.stack([g(sample) for sample in x]))


def test_failures_name_the_matrix():
    indefinite, singular = torch.tensor([[1.0, 2.0], [2.0, 1.0]]), torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    with pytest.raises(L.LinAlgError, match=r"\(Batch element 1\).*order 2 is not positive-definite"):
        L.cholesky(torch.stack([torch.eye(2), indefinite]))
    low, info = L.cholesky_ex(torch.stack([torch.eye(2), indefinite, -torch.eye(2)]))
    assert info.tolist() == [0, 2, 1] and info.dtype is torch.int32
    close(low[0], torch.eye(2))
    with pytest.raises(L.LinAlgError, match="input matrix is singular"):
        L.solve(singular, torch.ones(2))
    with pytest.raises(L.LinAlgError, match="diagonal element 2 is zero"):
        L.inv(singular)
    assert L.inv_ex(torch.stack([torch.eye(2), singular])).info.tolist() == [0, 2]
    with pytest.raises(L.LinAlgError, match="order 2"):
        torch.func.vmap(L.cholesky)(torch.stack([torch.eye(2), indefinite]))


def test_a_failure_leaves_out_as_it_was():
    out = torch.full((2, 2), 7.0)
    with pytest.raises(L.LinAlgError):
        L.inv(torch.ones(2, 2), out=out)
    assert out.tolist() == [[7.0, 7.0], [7.0, 7.0]]


def test_low_rank():
    a = matrix(20, 3) @ matrix(3, 12)
    u, s, v = torch.svd_lowrank(a, q=4)
    close((u * s) @ v.mT, a)
    u, s, v = torch.pca_lowrank(a, q=4)
    close((u * s) @ v.mT, a - a.mean(0))


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("general", [False, True])
def test_extreme_eigenpairs(general, largest):
    a = matrix(12, 12)
    a = (a + a.mT).requires_grad_()
    b = matrix(12, 12)
    b = b @ b.mT + 12 * torch.eye(12, dtype=DOUBLE) if general else None
    values, vectors = torch.lobpcg(a, k=2, B=b, largest=largest, tol=1e-10)
    right = vectors if b is None else b @ vectors
    close(a @ vectors, right * values, 1e-6)
    low = torch.eye(12, dtype=DOUBLE) if b is None else L.inv(L.cholesky(b))
    every = L.eigvalsh(low @ a @ low.mT)
    close(values, every.flip(0)[:2] if largest else every[:2], 1e-7)
    (g,) = torch.autograd.grad(values.sum(), a)
    close((g * a).sum(), values.sum(), 1e-6)  # values are homogeneous in the matrix


def test_lobpcg_refuses_small_matrices():
    with pytest.raises(ValueError, match="smaller than 3 x the number of requested eigenpairs"):
        torch.lobpcg(torch.eye(5), k=2)
