"""Samples of linear algebra."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .sample import complexes, declare, integers, normal, sample, strided

declare(__name__)

# Products.
sample("matmul", np.matmul, normal(2, 3), normal(3, 4))
sample("matmul", np.matmul, normal(2, 1, 2, 3), normal(3, 3, 4))
sample("matmul", np.matmul, complexes(2, 3), complexes(3, 2))
sample("matmul", np.matmul, integers(-9, 9, 2, 3), integers(-9, 9, 3, 2))
sample("matmul", np.matmul, np.zeros((2, 0)), np.zeros((0, 3)), grad=False)
sample("matmul", np.matmul, strided(normal(2, 4)), strided(normal(4, 3)))
sample(
    "matmul",
    lambda a, b: np.array([[44]], np.uint8),
    np.array([[100, 100, 100]], np.uint8),
    np.array([[1], [1], [1]], np.uint8),
)
for _type in (np.float16,):
    sample(
        "matmul",
        None,
        np.ones((1, 5000), _type),
        np.ones((5000, 1), _type),
        grad=False,
        check=lambda r, o, p: np.testing.assert_allclose(r[0].astype(float), 5000, rtol=1e-3),
    )


def definite(x):
    return x @ np.conj(np.swapaxes(x, -1, -2)) + 3 * np.eye(x.shape[-1])


def same(rtol=1e-9):
    """Comparison of arrays in double precision; of single ones to what a factorisation of small matrices loses."""

    def compare(got, want):
        single = any(np.asarray(v).dtype in (np.float32, np.complex64) for v in (got, want))
        tolerance = max(rtol, 1e-4) if single else rtol
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)

    return compare


# The gradients of a factorisation are defined for the structure that it reads; see STRUCTURE in the gradient tests.
for _draw in (normal, complexes):
    for _upper in (False, True):
        sample(
            "cholesky",
            lambda a, upper: (
                np.linalg.cholesky(a) if not upper else np.conj(np.swapaxes(np.linalg.cholesky(a), -1, -2))
            ),
            definite(_draw(2, 3, 3)),
            upper=_upper,
            half=False,
        )


def _lu(results, operands, params):
    a, (packed, pivots) = operands[0], results
    m, n = a.shape[-2:]
    for index in np.ndindex(*a.shape[:-2]):
        order = np.arange(m)
        for i, p in enumerate(pivots[index]):
            assert p >= i
            order[[i, p]] = order[[p, i]]
        low = np.tril(packed[index], -1)[:, : min(m, n)] + np.eye(m, min(m, n))
        assert np.abs(low).max() <= 1 + 1e-12 or np.iscomplexobj(a)
        same()(low @ np.triu(packed[index])[: min(m, n)], a[index][order])


for _shape in ((3, 3), (2, 4, 4), (4, 2), (2, 4)):
    for _draw in (normal, complexes):
        # far from a tie between pivots, at which the factors jump
        sample("lu", None, _draw(*_shape) + 4 * np.eye(*_shape[-2:])[::-1], half=False, check=_lu)


def _qr(results, operands, params):
    (a,), (q, r) = operands, results
    same()(q @ r, a)
    same()(
        np.conj(np.swapaxes(q, -1, -2)) @ q, np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], *[q.shape[-1]] * 2))
    )
    same()(np.tril(r, -1), 0 * r)


def _svd(results, operands, params):
    (a,), (u, s, vh) = operands, results
    n = s.shape[-1]
    same()((u[..., :n] * s[..., None, :]) @ vh[..., :n, :], a)
    same()(s, np.linalg.svd(a, compute_uv=False))
    for q in (u, np.conj(np.swapaxes(vh, -1, -2))):
        same()(
            np.conj(np.swapaxes(q, -1, -2)) @ q,
            np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], *[q.shape[-1]] * 2)),
        )


def _eigen(results, operands, params):
    (a,), (w, v) = operands, results
    same(1e-8)(a @ v, v * w[..., None, :])
    same(1e-8)(np.linalg.norm(v, axis=-2), np.ones(w.shape))


def _eigh(results, operands, params):
    (a,), (w, v) = operands, results
    strict = np.tril(a, -1)  # of the diagonal only the real part counts
    low = strict + np.conj(np.swapaxes(strict, -1, -2)) + np.eye(a.shape[-1]) * a.real
    _eigen((w.astype(v.dtype), v), (low,), params)
    assert (np.diff(w) >= 0).all()


for _draw in (normal, complexes):
    sample("qr", None, _draw(2, 4, 3), check=_qr, half=False)
    sample("qr", None, _draw(3, 3), mode="complete", check=_qr, half=False)
    sample("qr", None, _draw(4, 2), mode="complete", check=_qr, half=False, grad=False)
    sample("svd", None, _draw(2, 4, 3), check=_svd, half=False)
    sample("svd", None, _draw(2, 4), check=_svd, half=False)
    sample("svd", None, _draw(4, 2), full=True, check=_svd, half=False, grad=False)
    sample("eigh", None, definite(_draw(3, 3)), check=_eigh, half=False)
    sample("eigh", None, _draw(2, 3, 3), check=_eigh, half=False, grad=False)
    sample("eig", None, _draw(2, 3, 3), check=_eigen, half=False)
    sample("solve", lambda a, b: np.linalg.inv(a) @ b, _draw(2, 3, 3) + 2 * np.eye(3), _draw(2, 3, 2), half=False)
    sample("solve", lambda a, b: np.linalg.inv(a) @ b, _draw(3, 3) + 2 * np.eye(3), _draw(2, 3, 1), half=False)
    for _upper, _unit in itertools.product((False, True), (False, True)):

        def _triangular(a, b, upper, unit):
            t = np.triu(a) if upper else np.tril(a)
            t = t - np.eye(3) * np.diagonal(t) + np.eye(3) if unit else t
            return np.linalg.inv(t) @ b

        sample(
            "solve_triangular",
            _triangular,
            _draw(3, 3) + 2 * np.eye(3),
            _draw(3, 2),
            upper=_upper,
            unit=_unit,
            half=False,
        )


# Functions of matrices.

def _permutation(results, operands, params):
    (pivots,), (order,) = operands, results
    for index in np.ndindex(*pivots.shape[:-1]):
        want = list(range(params["size"]))
        for i, p in enumerate(pivots[index]):
            want[i], want[p] = want[p], want[i]
        assert order[index].tolist() == want


for _pivots, _size in ((np.array([2, 1, 2]), 3), (np.array([[1, 1], [3, 2]]), 4), (np.zeros((0, 2)), 2)):
    sample("lu_permutation", None, _pivots.astype(np.int32), size=_size, check=_permutation)


def leibniz(a):
    """Determinants as the sum over permutations."""
    n = a.shape[-1]
    total = np.zeros(a.shape[:-2], a.dtype)
    for order in itertools.permutations(range(n)):
        swaps = sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n))
        total = total + (-1) ** swaps * np.prod(a[..., range(n), order], axis=-1)
    return total


def series(a):
    """The exponential by its series, of small matrices."""
    total = term = np.eye(a.shape[-1]) + np.zeros_like(a)
    for i in range(1, 60):
        term = term @ a / i
        total = total + term
    return total


def _penrose(results, operands, params):
    """Penrose's four equations."""
    a, x = operands[0], results[0]
    for p in (a @ x, x @ a):
        same()(p, np.conj(np.swapaxes(p, -1, -2)))
    same()(a @ x @ a, a)
    same()(x @ a @ x, x)


def _geqrf(results, operands, params):
    (a,), (packed, tau) = operands, results
    m, n = a.shape[-2:]
    for index in np.ndindex(*a.shape[:-2]):
        q = np.eye(m, dtype=packed.dtype)
        for i, t in enumerate(tau[index]):
            v = np.concatenate([np.zeros(i), [1], packed[index][i + 1:, i]])
            q = (q @ (np.eye(m) - t * np.outer(v, np.conj(v)))).astype(q.dtype)
        same()(q @ np.triu(packed[index]), a[index])
        same()(np.conj(q.T) @ q, np.eye(m))


def _nan_second(results, operands, params):
    """The first matrix of two was factored, the second was not."""
    assert all(np.isfinite(r[0]).all() and np.isnan(r[1]).any() for r in results)


for _draw in (normal, complexes):
    sample("det", leibniz, _draw(2, 3, 3), half=False)
    sample("det", leibniz, _draw(4, 4), half=False)
    sample("slogdet", lambda a: (leibniz(a) / abs(leibniz(a)), np.log(abs(leibniz(a)))), _draw(2, 3, 3), half=False)
    sample("matrix_exp", series, _draw(2, 3, 3), half=False, tolerance=10)
    sample("matrix_exp", series, 3 * _draw(2, 2), half=False, tolerance=1000)
    sample("pinv", None, _draw(2, 4, 3), 0.0, 1e-12, check=_penrose, half=False)
    sample("pinv", None, _draw(2, 3), 1e-12, 0.0, check=_penrose, half=False)
    sample("pinv", None, definite(_draw(3, 3)), 0.0, 1e-12, hermitian=True, check=_penrose, half=False, grad=False)
    sample("geqrf", None, _draw(2, 4, 3), check=_geqrf, half=False, grad=False)
    sample("geqrf", None, _draw(2, 4), check=_geqrf, half=False, grad=False)
    for _upper in (False, True):
        _factor = np.linalg.cholesky(definite(_draw(3, 3)))
        sample(
            "cholesky_solve",
            lambda b, f, upper: np.linalg.inv(np.conj(f.T) @ f if upper else f @ np.conj(f.T)) @ b,
            _draw(2, 3, 2),
            np.conj(_factor.T) if _upper else _factor,
            upper=_upper,
            half=False,
            grad=False,  # the rule, as PyTorch's, fills the triangle that is not read, too
        )
# What cannot be factored is nan, and nothing else of the batch.
sample("cholesky", None, np.array([np.eye(2), [[1.0, 2.0], [2.0, 1.0]]]), check=_nan_second, half=False, grad=False)
sample("svd", None, np.array([np.eye(2), [[np.nan, 1.0], [1.0, 1.0]]]), check=_nan_second, half=False, grad=False)
sample(
    "solve",
    None,
    np.array([np.eye(2), np.ones((2, 2))]),
    np.array([[1.0], [2.0]]),
    check=lambda r, o, p: np.testing.assert_array_equal(np.isfinite(r[0])[..., 0], [[True] * 2, [False] * 2]),
    half=False,
    grad=False,
)
sample("det", lambda a: np.ones(2), np.zeros((2, 0, 0)), half=False, grad=False)


def dft(x, axis, inverse=False):
    n = x.shape[axis]
    w = np.exp((2j if inverse else -2j) * math.pi * np.outer(range(n), range(n)) / n) / (n if inverse else 1)
    return np.moveaxis(np.tensordot(w, x, (1, axis)), 0, axis)


for _inverse in (False, True):
    sample("fft", dft, complexes(2, 5), axis=1, inverse=_inverse)
    sample("fft", dft, complexes(4, 2), axis=0, inverse=_inverse)

# Batches of nothing, and products in which nan and infinities meet zeros.
EMPTY = np.zeros((0, 3, 3))
sample("cholesky", lambda a: a, EMPTY, grad=False, half=False)
sample("solve", lambda a, b: b, EMPTY, np.zeros((0, 3, 2)), grad=False, half=False)
sample("solve_triangular", lambda a, b, upper: b, EMPTY, np.zeros((0, 3, 2)), upper=True, grad=False, half=False)
sample("svd", lambda a: (a, a[:, 0], a), EMPTY, grad=False, half=False)
sample("qr", lambda a: (a, a), EMPTY, grad=False, half=False)
sample("eigh", lambda a: (a[:, 0], a), EMPTY, grad=False, half=False)
sample("matmul", lambda a, b: np.zeros((0, 3)), np.zeros((0, 2)), normal(2, 3), grad=False)
sample("matmul", lambda a, b: np.zeros((2, 3)), np.zeros((2, 0)), np.zeros((0, 3)), grad=False)
sample(
    "matmul",
    lambda a, b: np.array([[np.nan, np.nan], [np.inf, -np.inf]]),
    np.array([[np.nan, 1.0], [np.inf, 0.0]]),
    np.array([[1.0, -1.0], [2.0, 2.0]]),
    grad=False,
)
for _type in (np.int32, np.uint8):
    sample(
        "matmul",
        lambda a, b: (
            np.array([[sum(int(x) * int(y) for x, y in zip(row, b[:, j])) for j in range(2)] for row in a], object)
            .astype(np.int64)
            .astype(a.dtype)
        ),
        np.array([[200, 100, 50], [255, 255, 255]], _type),
        np.array([[3, 1], [2, 255], [1, 255]], _type),
    )
