"""Elementwise primitives.

Operands arrive broadcastable and in one dtype; a Python number stays a number
and takes the arrays' dtype. Integer arithmetic wraps. NaN wins in maximum and
minimum. The sign of zero is unspecified where libraries disagree.
"""

from __future__ import annotations

from ..abstract import Abstract, elementwise, predicate
from ..op import primitive


@primitive("elementwise")
def neg(k, x):
    """``-x``; unsigned values wrap, the smallest integer stays. Bool is not offered."""
    return x


@primitive("elementwise")
def abs(k, x):
    """Absolute value; of a complex array its modulus, in the real dtype. The smallest integer stays."""
    return Abstract(x.shape, x.dtype.to_real())


@primitive("elementwise")
def sign(k, x):
    """-1, 0 or 1 of real values; nan gives 0; bool is kept."""
    return x


@primitive("elementwise")
def floor(k, x):
    """The largest whole number not above ``x``; integers unchanged."""
    return x


@primitive("elementwise")
def round(k, x, *, decimals=0):
    """Nearest whole number, halves to even; with ``decimals`` d it is ``round(x * 10**d) / 10**d``."""
    return x


@primitive("elementwise")
def sqrt(k, x):
    """Square root; -0.0 keeps its sign, negative real values give nan; principal branch for complex."""
    return x


@primitive("elementwise")
def exp(k, x):
    """``e**x``."""
    return x


@primitive("elementwise")
def expm1(k, x):
    """``e**x - 1``, exact for small x."""
    return x


@primitive("elementwise")
def log(k, x):
    """Natural logarithm; 0 gives -inf, negative real values nan."""
    return x


@primitive("elementwise")
def log1p(k, x):
    """``log(1 + x)``, exact for small x, the real part of complex x included."""
    return x


@primitive("elementwise")
def sin(k, x):
    """Sine, in radians."""
    return x


@primitive("elementwise")
def cos(k, x):
    """Cosine, in radians."""
    return x


@primitive("elementwise")
def tanh(k, x):
    """Hyperbolic tangent."""
    return x


@primitive("elementwise")
def conj(k, x):
    """Complex conjugate; a real array is returned as it is."""
    return x


@primitive("elementwise", view=True)
def real(k, x):
    """Real part of a complex array, in the real dtype."""
    return Abstract(x.shape, x.dtype.to_real())


@primitive("elementwise", view=True)
def imag(k, x):
    """Imaginary part of a complex array, in the real dtype."""
    return Abstract(x.shape, x.dtype.to_real())


@primitive("elementwise")
def complex(k, a, b):
    """``a + 1j * b`` of two real arrays of one dtype."""
    return elementwise(a, b, dtype=a.dtype.to_complex())


@primitive("elementwise")
def add(k, a, b):
    """``a + b``; of bools: or."""
    return elementwise(a, b)


@primitive("elementwise")
def sub(k, a, b):
    """``a - b``. Bool is not offered."""
    return elementwise(a, b)


@primitive("elementwise")
def mul(k, a, b):
    """``a * b``; of bools: and."""
    return elementwise(a, b)


@primitive("elementwise")
def div(k, a, b):
    """True division of float or complex operands; x / 0 is inf or nan."""
    return elementwise(a, b)


@primitive("elementwise")
def floor_divide(k, a, b):
    """Division rounded toward minus infinity, for floats by way of fmod (``1 // .1`` is 9). The smallest integer by -1 wraps
    to itself.

    Raises:
        ZeroDivisionError: an integer divisor holds 0 and the values are known.
    """
    return elementwise(a, b)


@primitive("elementwise")
def remainder(k, a, b):
    """Remainder with the sign of the divisor; ``remainder(-1, inf)`` is inf, x % 0 is nan.

    Raises:
        ZeroDivisionError: an integer divisor holds 0 and the values are known.
    """
    return elementwise(a, b)


@primitive("elementwise")
def pow(k, a, b):
    """``a ** b``: 0**0 and 1**nan are 1; integers wrap; integer powers below zero truncate to 0, 1 or -1."""
    return elementwise(a, b)


@primitive("elementwise")
def maximum(k, a, b):
    """The larger value; nan wins. Complex is not offered."""
    return elementwise(a, b)


@primitive("elementwise")
def minimum(k, a, b):
    """The smaller value; nan wins. Complex is not offered."""
    return elementwise(a, b)


@primitive("elementwise")
def atan2(k, a, b):
    """Angle of the point (b, a) in radians, signed zeros as in C."""
    return elementwise(a, b)


@primitive("elementwise")
def bit_and(k, a, b):
    """Bitwise and of integers; logical and of bools."""
    return elementwise(a, b)


@primitive("elementwise")
def bit_or(k, a, b):
    """Bitwise or of integers; logical or of bools."""
    return elementwise(a, b)


@primitive("elementwise")
def bit_xor(k, a, b):
    """Bitwise exclusive or of integers; logical of bools."""
    return elementwise(a, b)


@primitive("elementwise")
def bit_not(k, x):
    """Every bit inverted; logical not of bools."""
    return x


@primitive("elementwise")
def shift_left(k, a, b):
    """``a << b``; a count below 0 or of the whole width or more gives 0."""
    return elementwise(a, b)


@primitive("elementwise")
def shift_right(k, a, b):
    """``a >> b``, arithmetic for signed types; a count out of range leaves only the sign: 0 or -1."""
    return elementwise(a, b)


@primitive("comparison")
def eq(k, a, b):
    """Whether equal, as bool; nan equals nothing."""
    return predicate(a, b)


@primitive("comparison")
def lt(k, a, b):
    """Whether a < b, as bool; False for nan. Complex is not offered."""
    return predicate(a, b)


@primitive("comparison")
def le(k, a, b):
    """Whether a <= b, as bool; False for nan. Complex is not offered."""
    return predicate(a, b)


@primitive("elementwise")
def where(k, m, a, b):
    """a where the bool array m is true, else b; a or b may be a number."""
    out = elementwise(a, b)
    return elementwise(m, out, dtype=out.dtype)
