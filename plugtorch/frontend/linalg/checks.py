"""What matrix functions require of their operands, and how they tell that a matrix cannot be factored."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.spec.dtypes import FLOAT, HALF

from ..dispatch import to_dtype
from ..selection import where


class _LinAlgError(RuntimeError):
    """A matrix is singular, not positive definite, or its values were not found."""


LinAlgError = _LinAlgError  # PyTorch's class has the underscore, too


def require_matrix(a, function, name="A"):
    """The tensor, if it has two dimensions or more.

    Raises:
        RuntimeError: it has not.
    """
    if a.dim() < 2:
        raise RuntimeError(f"{function}: The input tensor {name} must have at least 2 dimensions.")
    return a


def require_square(a, function, name="A"):
    """The tensor, if it is a batch of square matrices.

    Raises:
        RuntimeError: it is not.
    """
    require_matrix(a, function, name)
    m, n = a._a.shape[-2:]
    if m != n:
        raise RuntimeError(f"{function}: {name} must be batches of square matrices, but they are {m} by {n} matrices")
    return a


def require_floating(a, function):
    """The tensor, if its dtype is floating or complex.

    Raises:
        RuntimeError: it is not.
    """
    if a.dtype.category < FLOAT:
        raise RuntimeError(f"{function}: Expected a floating point or complex tensor as input. Got {a.dtype.legacy}")
    return a


def require_kernel(a, kernel):
    """The tensor, if PyTorch's kernel of this name computes in its dtype: not in half precisions nor integers.

    Raises:
        NotImplementedError: it does not.
    """
    if a.dtype in HALF or a.dtype.category < FLOAT:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{a.dtype.legacy}'")
    return a


def floating_square(a, function, kernel=None):
    """The tensor, if it is a batch of square matrices that ``kernel`` computes with.

    Raises:
        RuntimeError: its shape or dtype does not fit.
        NotImplementedError: a half precision.
    """
    require_floating(require_square(a, function), function)
    return require_kernel(a, kernel) if kernel else a


def eps_of(dtype) -> float:
    """The distance from 1 to the next number of a floating or complex dtype."""
    return float(np.finfo(dtype.to_real().numpy).eps)


def _outermost(t):
    """A tensor inside of transforms as the one outside, with their batches."""
    t = t.detach()
    while t._k.level:
        t = t._a.value.detach()
    return t


def extremes(t):
    """The least and the greatest value of a real tensor over all samples of transforms, as Python numbers; (0, 0) for an
    empty one, and None where values are not known yet."""
    t = _outermost(t)
    if math.prod(t._a.shape) == 0:
        return 0, 0
    try:
        return t._k.bounds(t._a)
    except TypeError:  # a library that traces
        return None


def all_finite(t) -> bool:
    """Whether no value is nan or infinite; True where values are not known yet."""
    t = t.detach()
    parts = (t.real, t.imag) if t.dtype.is_complex else (t,)
    for part in parts:
        found = extremes(part)
        if found is not None and not (math.isfinite(found[0]) and math.isfinite(found[1])):
            return False
    return True


def first_failure(info):
    """Of error codes, of which 0 means success, the first other one and where it stands: ``(code, index)`` with None in
    place of an index without batch dimensions; None if all are 0 or not known yet."""
    info = _outermost(info)
    found = extremes(info)
    if found is None or found == (0, 0):
        return None
    codes = info._k.to_host(info._a)
    flat = codes.reshape(-1)
    at = int(np.flatnonzero(flat)[0])
    return int(flat[at]), (at if codes.ndim else None)


def raise_for(info, function, text):
    """Raises what PyTorch says of the first matrix with an error code.

    Args:
        text: the message, in which {} is the code.

    Raises:
        LinAlgError: there is one.
    """
    failure = first_failure(info)
    if failure is not None:
        code, index = failure
        place = "" if index is None else f"(Batch element {index}): "
        raise LinAlgError(f"{function}: {place}{text.format(code)}")


def no_errors(a):
    """int32 zeros, an error code per matrix."""
    from plugtorch.spec.dtypes import int32

    return a.new_zeros(tuple(a._a.shape[:-2]), dtype=int32)


def first_zero(diagonal):
    """Per row, the place of the first zero counted from 1, or 0, as int32."""
    from plugtorch.spec.dtypes import int32, int64

    n = diagonal._a.shape[-1]
    if n == 0:
        return diagonal.new_zeros(tuple(diagonal._a.shape[:-1]), dtype=int32)
    zero = diagonal.detach().eq(0)
    place = zero.new_tensor(range(1, n + 1), dtype=int64)
    found = where(zero, place, n + 1).amin(-1)
    return to_dtype(where(found.gt(n), 0, found), int32)
