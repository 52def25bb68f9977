"""Orthogonal polynomials of Chebyshev, Hermite, Laguerre and Legendre, by their recurrences in the degree; functions of real
floating tensors without gradient.

The degree is a number or a tensor, of which the whole part counts; the polynomials of negative degree are 0. With a tensor
of degrees the recurrence is run to the greatest of them, which is read.
"""

from __future__ import annotations

import math

from plugtorch.autograd.base import InferenceCell, wrap
from plugtorch.autograd.mode import INFERENCE, mode
from plugtorch.autograd.record import common_backend
from plugtorch.spec.dtypes import COMPLEX, HALF

from .dispatch import as_number, common_dtype, is_tensor, moved_scalars, store, to_dtype

__all__ = [
    *(f"{shifted}chebyshev_polynomial_{kind}" for shifted in ("", "shifted_") for kind in "tuvw"), "hermite_polynomial_h",
    "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
]


def _greatest(n):
    """The greatest degree, also of the samples of a transform."""
    while n._k.level:
        n = n._a.value
    if not math.prod(n._a.shape):
        return 0
    known = n._k.bounds(n._a)
    if known is None:
        raise RuntimeError("the degree of a polynomial is not known while a function is recorded: give it as a Python int")
    return int(known[1])


def _recurrence(k, x, n, last, first, step):
    """The polynomial of degree n of every element: ``first(k, x)`` is that of degree 1, and ``step(k, x, q, p, i)`` that
    of degree i + 1 from those of degrees i and i - 1."""
    one = k.ones_like(x)
    p, q = one, first(k, x)
    if isinstance(n, int):
        if n < 1:
            return one if n == 0 else k.zeros_like(x)
        for i in range(1, last):
            p, q = q, step(k, x, q, p, i)
        return q
    y = k.where(k.eq(n, 0), p, k.where(k.lt(n, 0), k.zeros_like(x), q))
    for i in range(1, last):
        p, q = q, step(k, x, q, p, i)
        y = k.where(k.eq(n, i + 1), q, y)
    return y


def _polynomial(name, doc, body):
    def function(x, n, *, out=None):
        operands = moved_scalars((as_number(x), as_number(n)))
        if not any(map(is_tensor, operands)):
            raise TypeError(f"special_{name}() received an invalid combination of arguments - got ({type(x).__name__}, "
                            f"{type(n).__name__}), but expected at least one of (x, n) to be a Tensor")
        dtype = common_dtype(operands, True, f"special_{name}")
        if dtype.category == COMPLEX or dtype in HALF:
            raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{dtype.legacy}'")
        k = common_backend(operands)
        x, n = operands
        if is_tensor(n):
            last = _greatest(n)
            degree = k.trunc(to_dtype(n, dtype)._a)
        else:
            degree = last = int(n)
        if not is_tensor(x):
            x = n.new_tensor(x, dtype=dtype)
        x = to_dtype(x, dtype)
        if is_tensor(n):
            x, n = _together(x, n)
            degree = k.trunc(to_dtype(n, dtype)._a)
        y = wrap(body(k, x._a, degree, last), k)
        if mode() & INFERENCE:
            y._cell = InferenceCell((0,))
        return store(out, y)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc + """

    Args:
        x: a real tensor, or a number if n is a tensor.
        n: the degree, a number or a tensor that broadcasts with x.

    Raises:
        NotImplementedError: the common dtype is complex or a half type.
        TypeError: neither is a tensor.
    """
    return function


def _together(x, n):
    """Both tensors on the same level of transforms, in their common shape."""
    from plugtorch.autograd.record import lifted

    from .shaping import broadcast_tensors

    if x._k is not n._k:
        x, n = lifted((x, n))
    return broadcast_tensors(x, n)


# Chebyshev polynomials, Abramowitz and Stegun chapter 22. They differ in that of degree 1, and in the trigonometric form,
# which serves high degrees between -1 and 1: T_n = cos(n t), U_n = sin((n + 1) t) / sin(t), V_n = cos((n + 1/2) t) /
# cos(t / 2) and W_n = sin((n + 1/2) t) / sin(t / 2) with cos(t) = x.
_FIRST = {
    "t": lambda k, x: k.mul(x, 1.0),
    "u": lambda k, x: k.mul(x, 2.0),
    "v": lambda k, x: k.sub(k.mul(x, 2.0), 1.0),
    "w": lambda k, x: k.add(k.mul(x, 2.0), 1.0),
}
_LOW = {"t": 6, "u": 8, "v": 8, "w": 8}  # degrees to which the recurrence is exact enough everywhere


def _parity(k, x, n):
    """1 for even n, -1 for odd n, in the shape of x."""
    if isinstance(n, int):
        return k.mul(k.ones_like(x), -1.0 if n % 2 else 1.0)
    return k.sub(1.0, k.mul(k.remainder(n, 2.0), 2.0))


def _at_ends(k, x, n, kind):
    """The values at 1 and at -1."""
    one = k.ones_like(x)
    sign = _parity(k, x, n)
    degree = k.mul(one, float(n)) if isinstance(n, int) else n
    more, double = k.add(degree, 1.0), k.add(k.mul(degree, 2.0), 1.0)
    return {"t": (one, sign), "u": (more, k.mul(sign, more)), "v": (one, k.mul(sign, double)), "w": (double, sign)}[kind]


def _waves(k, x, n, kind):
    t = k.atan2(k.sqrt(k.mul(k.sub(1.0, x), k.add(x, 1.0))), x)
    degree = float(n) if isinstance(n, int) else n

    def times(extra):
        return k.mul(t, k.add(degree, extra) if hasattr(degree, "shape") else degree + extra)

    if kind == "t":
        return k.cos(times(0.0))
    if kind == "u":
        return k.div(k.sin(times(1.0)), k.sin(t))
    if kind == "v":
        return k.div(k.cos(times(0.5)), k.cos(k.mul(t, 0.5)))
    return k.div(k.sin(times(0.5)), k.sin(k.mul(t, 0.5)))


def _chebyshev(kind, shifted):
    def body(k, x, n, last):
        if shifted:
            x = k.sub(k.mul(x, 2.0), 1.0)

        def step(k, x, q, p, i):
            return k.sub(k.mul(k.mul(x, 2.0), q), p)

        low = _LOW[kind]
        inside = k.lt(k.abs(x), 1.0)
        if last <= low:
            return _recurrence(k, x, n, last, _FIRST[kind], step)
        ends = k.eq(k.abs(x), 1.0)
        right, left = _at_ends(k, x, n, kind)
        high = k.where(ends, k.where(k.lt(0, x), right, left),
                       _waves(k, k.where(inside, x, k.zeros_like(x)), n, kind))
        y = _recurrence(k, x, n, last, _FIRST[kind], step)
        special = k.bit_or(ends, inside)
        if not isinstance(n, int):
            special = k.bit_and(special, k.lt(low, n))
        return k.where(special, high, y)

    return body


def _hermite(first, factor):
    def body(k, x, n, last):
        def step(k, x, q, p, i):
            return k.sub(k.mul(k.mul(x, factor), q), k.mul(p, factor * i))

        limit = 512  # beyond, every value has overflowed
        y = _recurrence(k, x, n, min(last, limit), first, step)
        if isinstance(n, int):
            return y if n <= limit else k.mul(y, math.nan)
        return k.where(k.lt(limit, n), math.nan, y)

    return body


def _laguerre(k, x, n, last):
    def step(k, x, q, p, i):
        return k.div(k.sub(k.mul(k.sub(2.0 * i + 1, x), q), k.mul(p, float(i))), i + 1.0)

    return _recurrence(k, x, n, last, lambda k, x: k.sub(1.0, x), step)


def _legendre(k, x, n, last):
    def step(k, x, q, p, i):
        return k.div(k.sub(k.mul(k.mul(x, 2.0 * i + 1), q), k.mul(p, float(i))), i + 1.0)

    return _recurrence(k, x, n, last, _FIRST["t"], step)


_KINDS = {"t": "first", "u": "second", "v": "third", "w": "fourth"}
for _kind, _which in _KINDS.items():
    for _prefix, _argument in (("", "x"), ("shifted_", "2 x - 1")):
        _name = f"{_prefix}chebyshev_polynomial_{_kind}"
        _doc = f"The Chebyshev polynomial of the {_which} kind and degree n, of ``{_argument}``."
        globals()[_name] = _polynomial(_name, _doc, _chebyshev(_kind, bool(_prefix)))
hermite_polynomial_h = _polynomial("hermite_polynomial_h", "The physicists' Hermite polynomial of degree n.",
                                   _hermite(_FIRST["u"], 2.0))
hermite_polynomial_he = _polynomial("hermite_polynomial_he", "The probabilists' Hermite polynomial of degree n.",
                                    _hermite(_FIRST["t"], 1.0))
laguerre_polynomial_l = _polynomial("laguerre_polynomial_l", "The Laguerre polynomial of degree n.", _laguerre)
legendre_polynomial_p = _polynomial("legendre_polynomial_p", "The Legendre polynomial of degree n.", _legendre)
