"""Divisors and multiples of integers."""

from __future__ import annotations

from .dispatch import common_dtype, elementwise, require_tensor, store
from .methods import exporter, inplace_twin, method
from .pointwise import floor_divide, mul
from .selection import where
from .unsupported import refuse

__all__: list[str] = []
_export = exporter(__all__)


@_export
@method
def gcd(input, other, *, out=None):
    """The greatest common divisor of integers, which is not negative; 0 of two zeros.

    Raises:
        NotImplementedError: the common dtype is not an integer one.
    """
    require_tensor(input, "gcd")
    return store(out, elementwise("gcd", (input, require_tensor(other, "gcd", "other", 2))))


@_export
@method
def lcm(input, other, *, out=None):
    """The least common multiple of integers, ``|input / gcd * other|``, which is not negative; 0 where one is 0. It wraps.

    Raises:
        NotImplementedError: the common dtype is not an integer one.
    """
    require_tensor(input, "lcm")
    refuse("lcm", common_dtype((input, require_tensor(other, "lcm", "other", 2))))
    divisor = gcd(input, other)
    product = mul(floor_divide(input, where(divisor.eq(0), 1, divisor)), other)
    return store(out, product if not product.dtype.is_signed else product.abs())


gcd_, lcm_ = _export(inplace_twin(gcd)), _export(inplace_twin(lcm))
