"""Elementwise kernels over ``xp``."""

from __future__ import annotations

from ..abstract import broadcast_shapes, is_number
from ..dtypes import BOOL, FLOAT, INT

# Ops that are one function of the namespace.
DIRECT = {
    "neg": "negative", "floor": "floor", "sqrt": "sqrt", "exp": "exp", "expm1": "expm1",
    "log": "log", "log1p": "log1p", "sin": "sin", "cos": "cos", "tanh": "tanh", "abs": "absolute",
    "add": "add", "sub": "subtract", "mul": "multiply", "div": "true_divide",
    "maximum": "maximum", "minimum": "minimum", "atan2": "arctan2", "copysign": "copysign",
    "bit_and": "bitwise_and", "bit_or": "bitwise_or", "bit_xor": "bitwise_xor", "bit_not": "invert",
    "eq": "equal", "lt": "less", "le": "less_equal",
    # derived ops that every such namespace has
    "ne": "not_equal", "gt": "greater", "ge": "greater_equal",
    "isnan": "isnan", "isinf": "isinf", "isfinite": "isfinite",
    "ceil": "ceil", "trunc": "trunc", "tan": "tan", "asin": "arcsin", "acos": "arccos", "atan": "arctan",
    "sinh": "sinh", "cosh": "cosh", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "exp2": "exp2", "log2": "log2", "log10": "log10", "hypot": "hypot", "logaddexp": "logaddexp", "logaddexp2": "logaddexp2",
    "signbit": "signbit", "nextafter": "nextafter", "gcd": "gcd",
}
INTEGER_IDENTITY = ("floor", "ceil", "trunc")
UNARY = frozenset({
    "neg", "floor", "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "abs", "bit_not", "isnan",
    "isinf", "isfinite", "ceil", "trunc", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh",
    "atanh", "exp2", "log2", "log10", "signbit",
})


def _unary(f, array_type, asarray):
    if array_type is None:
        return lambda self, x: f(x)

    def kernel(self, x):
        y = f(x)
        return y if type(y) is array_type else asarray(y)

    return kernel


def _binary(f, array_type, asarray):
    if array_type is None:
        return lambda self, a, b: f(a, b)

    def kernel(self, a, b):
        try:
            y = f(a, b)
        except OverflowError:  # a Python integer beyond the array's width: it wraps
            return self.overflowing(f, a, b)
        return y if type(y) is array_type else asarray(y)

    return kernel


def bind_direct(cls, xp, array_type):
    """Gives ``cls`` a kernel for each op of DIRECT that it does not define itself."""
    asarray = xp.asarray
    for op, name in DIRECT.items():
        if op not in vars(cls):
            make = _unary if op in UNARY else _binary
            kernel = make(getattr(xp, name), array_type, asarray)
            if op in INTEGER_IDENTITY:
                kernel = _identity_on_integers(kernel)
            kernel.__name__ = op
            setattr(cls, op, kernel)


def _identity_on_integers(kernel):
    return lambda self, x: kernel(self, x) if x.dtype.kind not in "iub" else self.copy(x)


class ElementwiseKernels:
    """Elementwise ops that are more than one call of the namespace."""

    def overflowing(self, f, a, b):
        from .base import wrap_integer

        dtype = self.dtype_of(a if is_number(b) else b)
        wrapped = [wrap_integer(v, dtype) if is_number(v) else v for v in (a, b)]
        return self.array(f(*wrapped))

    def sign(self, x):
        xp = self.xp
        if x.dtype.kind in "ub":
            return self.array((x != 0).astype(x.dtype))
        y = xp.sign(x)
        return self.array(y if x.dtype.kind == "i" else xp.where(x != x, xp.zeros_like(x), y))

    def round(self, x, *, decimals=0):
        xp = self.xp
        if x.dtype.kind in "iub":
            return self.copy(x)
        if decimals == 0:
            return self.array(xp.round(x))
        if decimals > 0:
            return self.array(xp.round(x * 10.0**decimals) / 10.0**decimals)
        return self.array(xp.round(x / 10.0**-decimals) * 10.0**-decimals)

    def frexp(self, x):
        mantissa, exponent = self.xp.frexp(x)
        return self.array(mantissa), self.array(exponent)

    def conj(self, x):
        return self.array(self.xp.conjugate(x)) if x.dtype.kind == "c" else x

    def real(self, x):
        return self.array(x.real)

    def imag(self, x):
        return self.array(x.imag)

    def complex(self, a, b):
        # Written by parts: a + 1j * b would make a nan of an infinite part.
        y = self.xp.empty(broadcast_shapes(a.shape, b.shape), self.native(self.dtype_of(a).to_complex()))
        y.real, y.imag = a, b
        return y

    def where(self, m, a, b):
        if is_number(a) and is_number(b):
            raise TypeError("where needs an array among its values")
        like = b if is_number(a) else a
        a, b = (self.full(shape=(), value=v, dtype=self.dtype_of(like), device=self.device_of(like))
                if is_number(v) else v for v in (a, b))
        return self.array(self.xp.where(m, a, b))

    def _integer_divisor(self, b, name):
        """Raises for a known zero among integer divisors."""
        zero = b == 0 if is_number(b) else bool(self.xp.any(b == 0))
        if zero:
            raise ZeroDivisionError(f"ZeroDivisionError: integer {name} by zero")

    def _category(self, a, b):
        return self.dtype_of(b if is_number(a) else a).category

    def floor_divide(self, a, b):
        if self._category(a, b) <= INT:
            self._integer_divisor(b, "division")
            return self.array(self.xp.floor_divide(a, b))
        xp = self.xp
        mod = xp.fmod(a, b)
        div = (a - mod) / b
        div = div - ((mod != 0) & ((b < 0) != (mod < 0)))
        whole = xp.floor(div)
        whole = whole + (div - whole > 0.5)
        exact = xp.where(div != 0, whole, xp.zeros_like(div))
        return self.array(xp.where(b == 0, a / b, exact))

    def remainder(self, a, b):
        if self._category(a, b) <= INT:
            self._integer_divisor(b, "modulo")
            return self.array(self.xp.remainder(a, b))
        mod = self.xp.fmod(a, b)
        return self.array(self.xp.where((mod != 0) & ((b < 0) != (mod < 0)), mod + b, mod))

    def fmod(self, a, b):
        if self._category(a, b) <= INT:
            self._integer_divisor(b, "modulo")
        return self.array(self.xp.fmod(a, b))

    def pow(self, a, b):
        category = self._category(a, b)
        if is_number(b) and category >= FLOAT:
            small = small_power(self, a, b)
            if small is not None:
                return small
        if category <= INT and category != BOOL:
            return self._integer_power(a, b)
        return self.array(self.xp.power(a, b))

    def _integer_power(self, a, b):
        """Powers below zero truncate to 0, 1 or -1."""
        xp = self.xp
        like = b if is_number(a) else a
        a, b = (xp.full((), v, like.dtype) if is_number(v) else v for v in (a, b))
        y = xp.power(a, xp.where(b < 0, xp.zeros_like(b), b))
        unit = xp.where(xp.abs(a) == 1, xp.where(b % 2 == 0, xp.ones_like(a), a), xp.zeros_like(a))
        return self.array(xp.where(b < 0, unit, y).astype(like.dtype))

    def shift_left(self, a, b):
        return self._shift(self.xp.left_shift, a, b, lambda x: self.xp.zeros_like(x))

    def shift_right(self, a, b):
        return self._shift(self.xp.right_shift, a, b, lambda x: self.xp.where(x < 0, x - x - 1, x - x))

    def _shift(self, f, a, b, outside):
        like = b if is_number(a) else a
        a, b = (self.xp.full((), v, like.dtype) if is_number(v) else v for v in (a, b))
        width = 8 * like.dtype.itemsize
        inside = (b >= 0) & (b < width)
        y = f(a, self.xp.where(inside, b, self.xp.zeros_like(b)))
        return self.array(self.xp.where(inside, y, outside(a + self.xp.zeros_like(b))))

    def square(self, x):
        return self.mul(x, x)

    def clamp(self, x, lo, hi):
        if lo is not None:
            x = self.maximum(x, lo)
        return x if hi is None else self.minimum(x, hi)


def small_power(k, x, b):
    """Multiplications in place of the library's power for the exponents that programs use; else None."""
    if b == 2:
        return k.mul(x, x)
    if b == 0.5:
        return k.sqrt(x)
    if b == 1:
        return k.mul(x, 1)
    if b == -1:
        return k.div(1, x)
    if b == -0.5:
        return k.div(1, k.sqrt(x))
    if b == -2:
        return k.div(1, k.mul(x, x))
    if b in (3, 4, 5, 6, 7, 8):
        x2 = k.mul(x, x)
        if b < 4:
            return k.mul(x2, x)
        y = x4 = k.mul(x2, x2)
        if b == 8:
            return k.mul(x4, x4)
        if int(b) & 2:
            y = k.mul(y, x2)
        return k.mul(y, x) if int(b) & 1 else y
    return None
