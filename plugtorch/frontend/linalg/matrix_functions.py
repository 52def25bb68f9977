"""Functions of a matrix: determinants, powers, the exponential, the pseudo-inverse, rank and condition."""

from __future__ import annotations

import math

from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import FLOAT, HALF, bool_

from ..amp.casting import autocasts
from ..dispatch import is_tensor, store, to_dtype
from ..return_types import struct
from ..selection import where
from ..shaping import unsqueeze
from .checks import (
    all_finite,
    eps_of,
    floating_square,
    require_matrix,
    require_square,
)
from .factorizations import unit_matrix
from .norms import matrix_norm
from .solvers import inv, inv_ex
from .spectra import eigvalsh, svdvals

Slogdet = struct("linalg_slogdet", ["sign", "logabsdet"])


def det(A, *, out=None):  # noqa: N803
    """Determinants (...) of square matrices. The gradient is that of the adjugate, also where a matrix is singular.

    Raises:
        RuntimeError: A is not square, or not floating.
        NotImplementedError: a half precision.
    """
    return store(out, apply("det", (floating_square(A, "linalg.det", "lu_cpu"),)))


def slogdet(A, *, out=None):  # noqa: N803
    """Signs (of absolute value 1, or 0) and logarithms of the absolute values of determinants; the latter are real, and
    -inf for a singular matrix.

    Raises:
        RuntimeError: A is not square, not floating, or of a half precision.
    """
    floating_square(A, "linalg.slogdet")
    if A.dtype in HALF:
        raise RuntimeError(f"linalg.slogdet: Low precision dtypes not supported. Got {A.dtype.legacy}")
    return store(out, Slogdet(*apply("slogdet", (A,))))


def logdet(A):  # noqa: N803
    """Logarithms of determinants; nan for a negative one of real matrices, -inf for a singular one.

    Raises:
        RuntimeError: A is not square, or not floating.
    """
    sign, size = apply("slogdet", (floating_square(A, "logdet", "lu_cpu"),))
    if A.dtype.is_complex:
        return sign.log() + size
    return where(sign.detach().eq(-1), math.nan, size)


def matrix_exp(A):  # noqa: N803
    """The exponential of square matrices, by scaling and squaring of a Taylor polynomial (P. Bader, S. Blanes and F.
    Casas, "Computing the matrix exponential with an optimized Taylor polynomial approximation", 2019).

    Raises:
        RuntimeError: A is not square, or not floating.
    """
    return apply("matrix_exp", (floating_square(A, "linalg.matrix_exp"),))


def matrix_power(A, n, *, out=None):  # noqa: N803
    """The n-th power of square matrices, by repeated squaring; of the inverse for negative n.

    Raises:
        RuntimeError: A is not square, or, for negative n, singular or not floating.
    """
    require_square(A, "linalg.matrix_power")
    if n == 0:
        unread = A.detach().new_zeros((), dtype=bool_)  # the gradient of a constant is 0, not none
        return store(out, where(unread, A, unit_matrix(A._a.shape[-1], A)))
    if n < 0:
        return store(out, matrix_power(inv(A), -n))
    if n == 1:
        return store(out, A.clone())
    result, square = None, A
    while n:
        if n & 1:
            result = square if result is None else result @ square
        n >>= 1
        if n:
            square = square @ square
    return store(out, result)


def _tolerances(a, atol, rtol, name):
    """``(atol, rtol)`` as numbers or tensors, with PyTorch's defaults: rtol is ``eps * max(m, n)``, unless a positive atol
    is given, and 0 then."""
    for t, what in ((atol, "atol"), (rtol, "rtol")):
        if is_tensor(t) and t.dtype.is_complex:
            raise RuntimeError(f"{name}: {what} tensor of complex type is not supported. Got {t.dtype.legacy}")
    real = a.dtype.to_real()
    default = eps_of(a.dtype) * max(a._a.shape[-2:])
    if is_tensor(atol) or is_tensor(rtol):
        like = a.detach().real if a.dtype.is_complex else a.detach()
        atol_t = to_dtype(atol, real) if is_tensor(atol) else like.new_tensor(0.0 if atol is None else float(atol))
        if rtol is None:
            rtol_t = where(atol_t.gt(0), atol_t * 0, default)
        else:
            rtol_t = to_dtype(rtol, real) if is_tensor(rtol) else like.new_tensor(float(rtol))
        return atol_t.detach(), rtol_t.detach()
    if rtol is None:
        rtol = 0.0 if atol is not None and atol > 0 else default
    return 0.0 if atol is None else float(atol), float(rtol)


@autocasts
def pinv(A, rcond=None, hermitian=False, *, atol=None, rtol=None, out=None):  # noqa: N803
    """The Moore-Penrose inverse (..., n, m) of matrices (..., m, n); singular values (``hermitian``: absolute eigenvalues)
    not above ``max(atol, rtol * greatest)`` count as 0.

    Args:
        rcond: an older name of rtol.
        atol, rtol: numbers or tensors (...); by default 0 and ``eps * max(m, n)``, or 0 if atol is given.

    Raises:
        RuntimeError: no matrices, or a dtype that is not float32, float64 or complex.
        LinAlgError: values are not finite.
    """
    if A.dim() < 2 or A.dtype.category < FLOAT or A.dtype in HALF:
        raise RuntimeError(f"linalg.pinv({A.dtype.legacy}{{{list(A._a.shape)}}}): expected a tensor with 2 or more "
                           "dimensions of float, double, cfloat or cdouble types")
    if hermitian:
        require_square(A, "linalg.pinv")
    atol, rtol = _tolerances(A, atol, rcond if rtol is None else rtol, "torch.linalg.pinv")
    y = apply("pinv", (A, atol, rtol), {"hermitian": bool(hermitian)})
    if not all_finite(y) and not all_finite(A):
        svdvals(A.detach())  # which says so
    return store(out, y)


@autocasts
def matrix_rank(A, tol=None, hermitian=False, *, atol=None, rtol=None, out=None):  # noqa: N803
    """The number (...), int64, of singular values (``hermitian``: absolute eigenvalues) above ``max(atol, rtol *
    greatest)``.

    Args:
        tol: an older form of atol, with rtol 0.
        atol, rtol: numbers or tensors (...); by default 0 and ``eps * max(m, n)``, or 0 if atol is given.

    Raises:
        RuntimeError: no matrices, or a dtype that is not float32, float64 or complex.
    """
    name = "torch.linalg.matrix_rank"
    require_matrix(A, name, "input")
    if tol is not None:
        atol, rtol = tol, 0.0
    if A.dtype.category < FLOAT or A.dtype in HALF:
        raise RuntimeError("This function doesn't handle types other than float and double")
    atol, rtol = _tolerances(A, atol, rtol, name)
    a = A.detach()
    if a.numel() == 0:
        from plugtorch.spec.dtypes import int64

        return store(out, a.new_zeros(tuple(a._a.shape[:-2]), dtype=int64))
    values = eigvalsh(a).abs() if hermitian else svdvals(a)
    cut = values.amax(-1) * rtol
    cut = where(cut > atol, cut, atol) if not is_tensor(atol) else cut.maximum(atol)
    return store(out, (values > unsqueeze(cut, -1)).sum(-1))


_NORMS = (1, -1, 2, -2, math.inf, -math.inf)


@autocasts
def cond(A, p=None, *, out=None):  # noqa: N803
    """Condition numbers ``norm(A) * norm(A^-1)`` in the norm p: None or 2 (the ratio of the extreme singular values), -2,
    1, -1, inf, -inf, "fro" or "nuc". Singular matrices give inf.

    Raises:
        RuntimeError: another norm, no matrices, or no square ones where an inverse is needed.
    """
    if A.dim() < 2:
        raise RuntimeError("linalg.cond: The input tensor must have at least 2 dimensions.")
    if not (p is None or p in ("fro", "nuc") or not isinstance(p, str) and p in _NORMS):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p if isinstance(p, str) else float(p)}")
    if p is None or p in (2, -2):
        if A.numel() == 0 and A.dtype.differentiable:
            real = A.detach().real if A.dtype.is_complex else A.detach()
            return store(out, real.new_zeros(tuple(A._a.shape[:-2])))
        s = svdvals(A)
        top, low = s[..., 0], s[..., -1]
        ratio = low / top if p == -2 else top / low
        return store(out, where(ratio.detach().isnan(), math.inf if p != -2 else 0.0, ratio) if p != -2 else ratio)
    label = p if isinstance(p, str) else f"{p:g}"
    require_square(A, f"linalg.cond(ord={label})")
    if A.numel() == 0:
        real = A.detach().real if A.dtype.is_complex else A.detach()
        return store(out, real.new_zeros(tuple(A._a.shape[:-2])))
    inverse, info = inv_ex(A)
    singular = info.ne(0)
    size = matrix_norm(A, p)
    other = matrix_norm(inverse.masked_fill(unsqueeze(unsqueeze(singular, -1), -1), 0.0), p)
    return store(out, where(singular, math.inf, size * other))
