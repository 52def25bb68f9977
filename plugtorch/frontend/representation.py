"""Floating-point numbers as sign, digits and exponent: their parts, their neighbours, and numbers put together of parts."""

from __future__ import annotations

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import FLOAT

from .dispatch import elementwise, require_tensor, store
from .methods import exporter, inplace_twin, method
from .pointwise import mul, pow
from .return_types import struct
from .unsupported import refuse

__all__: list[str] = []
_export = exporter(__all__)
_Frexp = struct("frexp", ["mantissa", "exponent"])


@_export
@method
def signbit(input, *, out=None):
    """Whether the sign bit is set, as bool, which tells -0.0 from 0.0; of integers whether they are negative.

    Raises:
        NotImplementedError: the dtype is complex.
    """
    x = require_tensor(input, "signbit")
    refuse("signbit", x.dtype)
    if x.dtype.category < FLOAT:
        return store(out, x.lt(0))
    return store(out, apply("signbit", (x,)))


@_export
@method
def nextafter(input, other, *, out=None):
    """The next number of the dtype after ``input`` in the direction of ``other``; the slope is 1 in the first, or 0
    where they are equal, and 0 in the second.

    Raises:
        NotImplementedError: the common dtype is not a floating one.
    """
    require_tensor(input, "nextafter")
    return store(out, elementwise("nextafter", (input, require_tensor(other, "nextafter", "other", 2))))


inplace_twin(nextafter)


@_export
@method
def frexp(input, *, out=None):
    """``(mantissa, exponent)`` with ``input = mantissa * 2 ** exponent``: a mantissa of the dtype in [1/2, 1) or (-1, -1/2],
    and an int32 exponent. Zeros, infinities and nan are their own mantissas, with the exponent 0.

    Raises:
        RuntimeError: the dtype is not a floating one.
    """
    x = require_tensor(input, "frexp")
    refuse("frexp", x.dtype)
    return store(out, _Frexp(*apply("frexp", (x,))))


@_export
@method
@named("LdexpBackward0")
def ldexp(input, other, *, out=None):
    """``input * 2 ** other``; integers become the default dtype."""
    require_tensor(input, "ldexp")
    return store(out, mul(input, pow(2.0, require_tensor(other, "ldexp", "other", 2))))


ldexp_ = _export(inplace_twin(ldexp))
