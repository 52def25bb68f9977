"""What kind of number an element is: nan, infinite, its sign, its complex parts; and functions that turn on it."""

from __future__ import annotations

import math

from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import FLOAT

from .bitwise import logical_and, logical_or
from .dispatch import common_dtype, float_like, is_tensor, store
from .methods import exporter, inplace_twin, method
from .pointwise import full_like_number, log, sign
from .selection import where
from .unsupported import refuse

__all__: list[str] = []
_export = exporter(__all__)


@_export
@method
def isnan(input):
    """Whether each element is nan, as bool."""
    return apply("ne", (input, input))


@_export
@method
def isinf(input):
    """Whether each element (or a part of it) is infinite, as bool."""
    if input.dtype.is_complex:
        return logical_or(isinf(input.real), isinf(input.imag))
    if input.dtype.category < FLOAT:
        return apply("ne", (input, input))
    return apply("isinf", (input,))


@_export
@method
def isfinite(input):
    """Whether each element is neither nan nor infinite, as bool."""
    if input.dtype.is_complex:
        return logical_and(isfinite(input.real), isfinite(input.imag))
    if input.dtype.category < FLOAT:
        return apply("eq", (input, input))
    return apply("isfinite", (input,))


@_export
@method
def nan_to_num(input, nan=0.0, posinf=None, neginf=None, *, out=None):
    """nan and infinities replaced by numbers (by default 0 and the dtype's extremes)."""
    if input.dtype.category < FLOAT:
        return store(out, input.clone())
    from .info import finfo

    limits = finfo(input.dtype)
    y = where(isnan(input), _const(input, nan if nan is not None else 0.0), input)
    y = where(apply("eq", (y, math.inf)), _const(y, limits.max if posinf is None else posinf), y)
    return store(out, where(apply("eq", (y, -math.inf)), _const(y, limits.min if neginf is None else neginf), y))


def _const(like, number):
    return like.new_full((), number)


nan_to_num_ = _export(inplace_twin(nan_to_num))


# Complex parts.

@_export
@method
def conj(input):
    """Complex conjugate; a real tensor itself."""
    return apply("conj", (input,)) if input.dtype.is_complex else input


@_export
@method
def angle(input, *, out=None):
    """Angle in radians; of real values 0 or pi, nan for nan."""
    if input.dtype.is_complex:
        return store(out, apply("angle", (input,)))
    x = float_like(input)
    return store(out, where(x.lt(0), _const(x, math.pi), where(isnan(x), x, x * 0)))


@_export
@method
def sgn(input, *, out=None):
    """``input / abs(input)``, 0 at 0; sign of real values."""
    return store(out, apply("sgn", (input,)) if input.dtype.is_complex else sign(input))


@_export
def is_complex(input):
    """Whether the dtype is complex."""
    return input.dtype.is_complex


@_export
def is_floating_point(input):
    """Whether the dtype is a floating one."""
    return input.dtype.is_floating_point


@_export
@method
def xlogy(input, other, *, out=None):
    """``input * log(other)``, 0 where input is 0 and other is not nan."""
    x = input if is_tensor(input) else full_like_number(other, input)
    y = other if is_tensor(other) else full_like_number(input, other)
    refuse("xlogy", common_dtype((x, y)))
    infinite = logical_or(y.le(0), y.eq(math.inf))  # elsewhere 0 times the logarithm is 0, and has its gradient
    y = where(logical_and(x.eq(0), infinite), _const(y, 1), y)
    return store(out, x * log(y))


sgn_, xlogy_ = _export(inplace_twin(sgn)), _export(inplace_twin(xlogy))
