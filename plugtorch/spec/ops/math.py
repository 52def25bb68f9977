"""Derived elementwise functions."""

from __future__ import annotations

import math

from ..abstract import is_number
from ..dtypes import int16, int32, int64, uint8
from ..op import derived


@derived("comparison")
def ne(k, a, b):
    """Whether different, as bool; nan differs from everything."""
    return k.bit_not(k.eq(a, b))


@derived("comparison")
def gt(k, a, b):
    """Whether a > b, as bool; False for nan."""
    return k.lt(b, a)


@derived("comparison")
def ge(k, a, b):
    """Whether a >= b, as bool; False for nan."""
    return k.le(b, a)


@derived("comparison")
def isnan(k, x):
    """Whether nan, as bool; of a complex value if either part is."""
    return k.ne(x, x)


@derived("comparison")
def isinf(k, x):
    """Whether an infinity of either sign, as bool; of a real floating array."""
    return k.eq(k.abs(x), math.inf)


@derived("comparison")
def isfinite(k, x):
    """Whether neither nan nor infinite, as bool; of a real floating array."""
    return k.lt(k.abs(x), math.inf)


@derived("elementwise")
def zeros_like(k, x):
    """Zeros of x's shape, dtype and device."""
    return k.full(shape=x.shape, value=0, dtype=k.dtype_of(x), device=k.device_of(x))


@derived("elementwise")
def ones_like(k, x):
    """Ones of x's shape, dtype and device."""
    return k.full(shape=x.shape, value=1, dtype=k.dtype_of(x), device=k.device_of(x))


@derived("elementwise")
def ceil(k, x):
    """The smallest whole number not below x; integers unchanged."""
    return k.neg(k.floor(k.neg(x)))


@derived("elementwise")
def trunc(k, x):
    """x without its fraction, toward zero; integers unchanged."""
    return k.where(k.lt(x, 0), k.ceil(x), k.floor(x))


@derived("elementwise")
def fmod(k, a, b):
    """Remainder with the sign of the dividend, as C's fmod.

    Raises:
        ZeroDivisionError: an integer divisor holds 0 and the values are known.
    """
    a = k.mul(a, k.ones_like(b)) if not hasattr(a, "shape") else a
    r = k.remainder(a, b)
    return k.where(k.bit_and(k.ne(r, 0), k.ne(k.lt(r, 0), k.lt(a, 0))), k.sub(r, b), r)


@derived("elementwise")
def mul_conj(k, a, b):
    """``a * conj(b)``, the product that gradients of products are made of."""
    return k.mul(a, b.conjugate() if isinstance(b, (int, float, complex)) else k.conj(b))


@derived("elementwise")
def square(k, x):
    """``x * x``."""
    return k.mul(x, x)


@derived("elementwise")
def reciprocal(k, x):
    """``1 / x``."""
    return k.div(1, x)


@derived("elementwise")
def rsqrt(k, x):
    """``1 / sqrt(x)``."""
    return k.div(1, k.sqrt(x))


@derived("elementwise")
def tan(k, x):
    """Tangent, in radians."""
    return k.div(k.sin(x), k.cos(x))


@derived("elementwise")
def asin(k, x):
    """Inverse sine in radians, of real values in [-1, 1]; others give nan."""
    return k.atan2(x, k.sqrt(k.mul(k.sub(1, x), k.add(1, x))))


@derived("elementwise")
def acos(k, x):
    """Inverse cosine in radians, of real values in [-1, 1]; others give nan."""
    return k.atan2(k.sqrt(k.mul(k.sub(1, x), k.add(1, x))), x)


@derived("elementwise")
def atan(k, x):
    """Inverse tangent in radians, of real values."""
    return k.atan2(x, k.ones_like(x))


@derived("elementwise")
def sinh(k, x):
    """Hyperbolic sine."""
    e = k.expm1(k.abs(x))
    half = k.mul(k.add(e, k.div(e, k.add(e, 1))), 0.5)
    return k.copysign(k.where(k.eq(e, math.inf), e, half), x)


@derived("elementwise")
def cosh(k, x):
    """Hyperbolic cosine."""
    e = k.exp(k.abs(x))
    return k.mul(k.add(e, k.div(1, e)), 0.5)


@derived("elementwise")
def asinh(k, x):
    """Inverse hyperbolic sine, of real values."""
    a = k.abs(x)
    a2 = k.mul(a, a)
    y = k.log1p(k.add(a, k.div(a2, k.add(k.sqrt(k.add(a2, 1)), 1))))
    return k.copysign(k.where(k.eq(a2, math.inf), k.add(k.log(a), math.log(2)), y), x)


@derived("elementwise")
def acosh(k, x):
    """Inverse hyperbolic cosine, of real values >= 1; others give nan."""
    t = k.sub(x, 1)
    return k.log1p(k.add(t, k.sqrt(k.mul(t, k.add(t, 2)))))


@derived("elementwise")
def atanh(k, x):
    """Inverse hyperbolic tangent, of real values in [-1, 1]."""
    return k.mul(k.sub(k.log1p(x), k.log1p(k.neg(x))), 0.5)


@derived("elementwise")
def exp2(k, x):
    """``2 ** x``."""
    return k.pow(2, x)


@derived("elementwise")
def log2(k, x):
    """Logarithm to base 2."""
    return k.div(k.log(x), math.log(2))


@derived("elementwise")
def log10(k, x):
    """Logarithm to base 10."""
    return k.div(k.log(x), math.log(10))


@derived("elementwise")
def logaddexp(k, a, b):
    """``log(exp(a) + exp(b))`` without overflow; of two infinities of one sign that infinity."""
    top = k.maximum(a, b)
    return k.where(k.eq(a, b), k.add(a, math.log(2)), k.add(top, k.log1p(k.exp(k.neg(k.abs(k.sub(a, b)))))))


@derived("elementwise")
def logaddexp2(k, a, b):
    """``log2(2 ** a + 2 ** b)`` without overflow; of two infinities of one sign that infinity."""
    top = k.maximum(a, b)
    over = k.div(k.log1p(k.exp2(k.neg(k.abs(k.sub(a, b))))), math.log(2))
    return k.where(k.eq(a, b), k.add(a, 1), k.add(top, over))


@derived("elementwise")
def hypot(k, a, b):
    """``sqrt(a*a + b*b)`` without overflow; infinite where either operand is, also next to nan."""
    a, b = k.abs(a), k.abs(b)
    big, small = k.maximum(a, b), k.minimum(a, b)
    ratio = k.where(k.eq(big, 0), small, k.div(small, big))
    far = k.bit_or(k.eq(a, math.inf), k.eq(b, math.inf))
    return k.where(far, math.inf, k.mul(big, k.sqrt(k.add(k.mul(ratio, ratio), 1))))


@derived("elementwise")
def clamp(k, x, lo, hi):
    """x limited from below by lo, then from above by hi; each a number, an array, or None for no bound.
    Where lo > hi the result is hi; nan stays nan."""
    if lo is not None:
        x = k.maximum(x, lo)
    return x if hi is None else k.minimum(x, hi)


@derived("elementwise")
def lerp(k, a, b, w):
    """``a + w * (b - a)``."""
    return k.add(a, k.mul(w, k.sub(b, a)))


@derived("elementwise")
def sgn(k, x):
    """``x / abs(x)`` of a complex array, 0 at 0."""
    r = k.abs(x)
    zero = k.eq(r, 0)
    return k.div(x, k.cast(k.where(zero, k.ones_like(r), r), dtype=k.dtype_of(x)))


@derived("elementwise")
def angle(k, x):
    """Angle of a complex array in radians, in the real dtype."""
    return k.atan2(k.imag(x), k.real(x))


@derived("elementwise")
def copysign(k, a, b):
    """The magnitude of a with the sign of b, that of a zero included; real floating operands. The sign of a nan is
    unspecified in the composition."""
    if is_number(b):
        size = k.abs(a)
        return k.neg(size) if math.copysign(1, b) < 0 else size
    size = k.mul(k.ones_like(b), abs(a)) if is_number(a) else k.abs(a)
    negative = k.bit_or(k.lt(b, 0), k.bit_and(k.eq(b, 0), k.lt(k.div(1, b), 0)))
    return k.where(negative, k.neg(size), size)


@derived("elementwise")
def sinc(k, x):
    """``sin(pi x) / (pi x)``, and 1 at 0: the normalised cardinal sine."""
    zero = k.eq(x, 0)
    angle = k.mul(k.where(zero, k.ones_like(x), x), math.pi)
    return k.where(zero, k.ones_like(x), k.div(k.sin(angle), angle))


# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), 631-637: numerators and
# denominators, highest power first, of erf(x) / x in x^2 for |x| <= 0.46875, and of exp(x^2) erfc(x) in x up to 4.
ERF_P = (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3)
ERF_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
ERFC_P = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
          8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)
ERFC_Q = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
          3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)


def _polynomial(k, x, coefficients):
    y = k.add(k.mul(x, coefficients[0]), coefficients[1])
    for c in coefficients[2:]:
        y = k.add(k.mul(y, x), c)
    return y


@derived("elementwise")
def erf(k, x):
    """Error function of real values, by Cody's rational approximations (Math. Comp. 23, 1969): within a few roundings of
    a double. Above 6 the result is 1 in double precision."""
    a = k.minimum(k.abs(x), 6.0)
    near = k.le(a, 0.46875)
    small = k.where(near, x, k.zeros_like(x))
    s2 = k.mul(small, small)
    inner = k.div(k.mul(small, _polynomial(k, s2, ERF_P)), _polynomial(k, s2, ERF_Q))
    tail = k.mul(k.exp(k.neg(k.mul(a, a))), k.div(_polynomial(k, a, ERFC_P), _polynomial(k, a, ERFC_Q)))
    return k.where(near, inner, k.mul(k.sign(x), k.sub(1, tail)))


# What a floating-point number is made of, read off its bits. IEEE 754: the sign, the exponent and the digits, from the
# highest bit down, so that as integers the numbers of one sign are in the order of their magnitudes.
_WORDS = {2: int16, 4: int32, 8: int64}


def _word(k, x):
    return _WORDS[k.dtype_of(x).itemsize]


@derived("elementwise")
def signbit(k, x):
    """Whether the sign bit is set, as bool; of a real floating array. Zeros and nans have signs too."""
    return k.lt(k.bitcast(x, dtype=_word(k, x)), 0)


@derived("elementwise")
def nextafter(k, a, b):
    """The next number of the dtype after a in the direction of b; b where they are equal, nan where one is nan."""
    word, dtype = _word(k, a), k.dtype_of(a)

    def integer(value):
        return k.full(shape=(), value=value, dtype=word, device=k.device_of(a))

    outward = k.eq(k.lt(a, b), k.lt(0, a))
    moved = k.add(k.bitcast(a, dtype=word), k.where(outward, integer(1), integer(-1)))
    least = k.where(k.lt(b, 0), integer(1 - (1 << (8 * word.itemsize - 1))), integer(1))
    y = k.bitcast(k.where(k.eq(a, 0), least, moved), dtype=dtype)
    y = k.where(k.eq(a, b), b, y)
    return k.where(k.bit_or(k.ne(a, a), k.ne(b, b)), math.nan, y)


@derived("elementwise", outputs=("mantissa", "exponent"))
def frexp(k, x):
    """``x = mantissa * 2 ** exponent`` with a mantissa in [1/2, 1) and an int32 exponent, of a real floating array; zeros,
    infinities and nan are their own mantissas, with the exponent 0."""
    word = _word(k, x)
    digits, bias = (23, 126) if word is int32 else (52, 1022)
    mask = (2 * bias + 3) << digits
    subnormal = k.lt(k.abs(x), 2.0 ** (-bias + 1))
    bits = k.bitcast(k.where(subnormal, k.mul(x, 2.0 ** (digits + 2)), x), dtype=word)
    exponent = k.sub(k.shift_right(k.bit_and(bits, mask), digits), bias)
    exponent = k.sub(exponent, k.mul(k.cast(subnormal, dtype=word), digits + 2))
    mantissa = k.bitcast(k.bit_or(k.bit_and(bits, ~mask), bias << digits), dtype=k.dtype_of(x))
    plain = k.bit_and(k.ne(x, 0), k.lt(k.abs(x), math.inf))
    return k.where(plain, mantissa, x), k.cast(k.where(plain, exponent, 0), dtype=int32)


@derived("elementwise")
def gcd(k, a, b):
    """The greatest common divisor of integers, not negative unless it is the smallest integer; 0 of two zeros."""
    if k.dtype_of(a) is not uint8:
        a, b = k.abs(a), k.abs(b)
    for _ in range(12 * k.dtype_of(a).itemsize + 1):  # Lame's theorem: five for each decimal digit
        rest = k.ne(b, 0)
        a, b = k.where(rest, b, a), k.where(rest, k.remainder(a, k.where(rest, b, 1)), 0)
    return a
