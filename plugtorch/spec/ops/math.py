"""Derived elementwise functions."""

from __future__ import annotations

import math

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
    return k.mul(k.sign(x), k.where(k.eq(e, math.inf), e, half))


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
    return k.mul(k.sign(x), k.where(k.eq(a2, math.inf), k.add(k.log(a), math.log(2)), y))


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
def hypot(k, a, b):
    """``sqrt(a*a + b*b)`` without overflow."""
    a, b = k.abs(a), k.abs(b)
    big, small = k.maximum(a, b), k.minimum(a, b)
    ratio = k.where(k.eq(big, 0), small, k.div(small, big))
    return k.where(k.eq(big, math.inf), big, k.mul(big, k.sqrt(k.add(k.mul(ratio, ratio), 1))))


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
def erf(k, x):
    """Error function of real values.

    Evaluated as ``1 - t * exp(-x*x + P(t))``, t = 1 / (1 + |x| / 2), with the Chebyshev fit of Numerical Recipes
    (Press et al., 2nd ed., section 6.2, relative error of erfc below 1.2e-7) away from 0, and by the Maclaurin
    series (Abramowitz and Stegun 7.1.5) near it.
    """
    a = k.abs(x)
    near = k.lt(a, 0.5)
    small = k.where(near, x, k.zeros_like(x))
    s2 = k.mul(small, small)
    series = k.zeros_like(x)
    for n in range(9, -1, -1):
        series = k.add(k.mul(series, s2), (-1) ** n / (math.factorial(n) * (2 * n + 1)))
    series = k.mul(k.mul(series, small), 2 / math.sqrt(math.pi))
    t = k.div(1, k.add(k.mul(a, 0.5), 1))
    poly = k.zeros_like(x)
    for c in (0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418,
              0.37409196, 1.00002368, -1.26551223):
        poly = k.add(k.mul(poly, t), c)
    tail = k.sub(1, k.mul(t, k.exp(k.sub(poly, k.mul(a, a)))))
    return k.where(near, series, k.mul(k.sign(x), tail))
