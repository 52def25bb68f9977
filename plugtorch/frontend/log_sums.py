"""Sums of exponentials by their logarithms."""

from __future__ import annotations

import math

from plugtorch.autograd.names import named
from plugtorch.spec.dtypes import COMPLEX

from .dispatch import common_dtype, elementwise, moved_scalars, require_tensor, store, to_dtype
from .methods import exporter, method
from .pointwise import exp, log, log1p
from .selection import where

__all__: list[str] = []
_export = exporter(__all__)


@named("LogaddexpBackward0")
def _of_complex(a, b):
    """Of the sum the exponential of the greater real part is taken out; of two infinite ones the sum itself is taken, or
    their own value where both exponentials are 0."""
    first = a.real >= b.real
    top, rest = where(first, a, b), where(first, b, a)
    same = (a.real == b.real) & (a.real.abs() == math.inf)
    inner = top + log1p(exp(where(same, -1.0, rest - top)))
    return where(same, where(a.real > 0, log(exp(a) + exp(b)), rest), inner)


@_export
@method
def logaddexp(input, other, *, out=None):
    """``log(exp(input) + exp(other))`` without overflow, of floating and complex tensors.

    Raises:
        NotImplementedError: the common dtype is bool or an integer one.
    """
    require_tensor(input, "logaddexp")
    dtype = common_dtype((input, require_tensor(other, "logaddexp", "other", 2)))
    if dtype.category == COMPLEX:
        return store(out, _of_complex(*(to_dtype(x, dtype) for x in moved_scalars((input, other)))))
    return store(out, elementwise("logaddexp", (input, other)))


@_export
@method
def logaddexp2(input, other, *, out=None):
    """``log2(2 ** input + 2 ** other)`` without overflow, of floating tensors.

    Raises:
        NotImplementedError: the common dtype is no floating one.
    """
    require_tensor(input, "logaddexp2")
    return store(out, elementwise("logaddexp2", (input, require_tensor(other, "logaddexp2", "other", 2))))
