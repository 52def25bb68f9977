"""Elementwise kernels on NumPy arrays."""

from __future__ import annotations

import numpy as np

from plugtorch.spec.abstract import is_number
from plugtorch.spec.dtypes import INT
from plugtorch.spec.xp.elementwise import DIRECT, INTEGER_IDENTITY, UNARY
from plugtorch.spec.xp.elementwise import small_power as small_power

from .half import BF16, F32, halved, is_half
from .quiet import QUIET, silent

ndarray, asarray = np.ndarray, np.asarray
BITS = {n: np.dtype(f"i{n}") for n in (1, 2, 4, 8)}
# Where a half array meets a number, the number is rounded to the array's type first, as in a comparison.
ROUNDED = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "maximum", "minimum"})


def _unary(f):
    def kernel(self, x):
        if x.dtype is BF16:
            y = QUIET.run(f, x.astype(F32))
            return asarray(y.astype(BF16) if y.dtype is F32 else y)
        y = QUIET.run(f, x)
        return y if type(y) is ndarray else asarray(y)

    return kernel


def _whole(f):
    """floor, ceil, trunc: integers are whole already."""
    kernel = _unary(f)
    return lambda self, x: kernel(self, x) if x.dtype.kind not in "iub" else x.copy()


def _binary(f, rounded):
    def kernel(self, a, b):
        if type(a) is ndarray is type(b):
            y = QUIET.run(f, a, b)
        else:
            y = self._with_number(f, a, b, rounded)
        return y if type(y) is ndarray else asarray(y)

    return kernel


def _binary_wide(f):
    """A function that ml_dtypes computes in a wider type, or does not have."""
    kernel = halved(_binary(f, False))
    return lambda self, a, b: kernel(self, a, b)


WIDE = frozenset({"atan2", "hypot", "logaddexp", "logaddexp2"})


class NumpyElementwise:
    """Elementwise ops: one ufunc each where there is one, without its warnings."""

    def _with_number(self, f, a, b, rounded=False):
        like = b if type(b) is ndarray else a
        if is_half(like):
            if rounded:
                return QUIET.run(f, *(asarray(v, like.dtype) if is_number(v) else v for v in (a, b)))
            y = QUIET.run(f, *(v if is_number(v) else v.astype(F32) for v in (a, b)))
            return y.astype(like.dtype)
        try:
            return QUIET.run(f, a, b)
        except OverflowError:  # a Python integer beyond the array's width: it wraps
            return self.overflowing(f, a, b)

    def maximum(self, a, b):
        return _extreme(self, np.maximum, a, b)

    def minimum(self, a, b):
        return _extreme(self, np.minimum, a, b)

    def mul_conj(self, a, b):
        if type(b) is not ndarray:
            b = b.conjugate()
        elif b.dtype.kind == "c":
            b = np.conjugate(b)
        return self.mul(a, b)

    def square(self, x):
        return self.mul(x, x)

    @halved
    def lerp(self, a, b, w):
        return asarray(QUIET.run(_lerp, a, b, w))

    @silent
    def round(self, x, *, decimals=0):
        return self._round(x, decimals)

    @halved
    def _round(self, x, decimals):
        if x.dtype.kind in "iub":
            return x.copy()
        if decimals == 0:
            return asarray(np.rint(x))
        if decimals > 0:
            return asarray(np.rint(x * 10.0**decimals) / 10.0**decimals)
        return asarray(np.rint(x / 10.0**-decimals) * 10.0**-decimals)

    @silent
    def log1p(self, x):
        if x.dtype.kind != "c":
            return self._log1p(x)
        # The library rounds 1 + x first and loses a small real part; |1 + x|^2 - 1 is 2 a + a^2 + b^2.
        a, b = x.real, x.imag
        near = np.abs(x) < 0.5
        y = np.array(np.log1p(x))
        y.real[near] = 0.5 * np.log1p(2 * a[near] + a[near] ** 2 + b[near] ** 2)
        return y

    _log1p = _unary(np.log1p)

    @silent
    def sign(self, x):
        if x.dtype.kind in "ub":
            return asarray((x != 0).astype(x.dtype))
        y = asarray(np.sign(x))
        if x.dtype.kind not in "i":
            y[np.isnan(x)] = 0
        return y

    def where(self, m, a, b):
        if not is_number(a) and not is_number(b):
            return asarray(np.where(m, a, b))
        like = b if is_number(a) else a
        if is_number(like):
            raise TypeError("where needs an array among its values")
        number = a if is_number(a) else b
        if number == 0 and like.shape == m.shape and like.itemsize <= 8:
            return masked(like, m if like is a else np.logical_not(m))
        fill = self.full(shape=(), value=number, dtype=self.dtype_of(like), device=None)
        return self.where(m, *((fill, b) if like is b else (a, fill)))

    @silent
    @halved
    def remainder(self, a, b):
        if self._category(a, b) <= INT:
            return self._integer_remainder(a, b)
        if (a if is_number(b) else b).dtype is not F32:
            return super().remainder(a, b)
        x, y = (np.float64(v) if is_number(v) else v.astype(np.float64) for v in (_rounded32(a), _rounded32(b)))
        ratio = x / y
        result = (x - y * np.floor(ratio)).astype(F32)
        return self._patched(result, ratio, 2.0**28, a, b, super().remainder)

    @silent
    @halved
    def floor_divide(self, a, b):
        if self._category(a, b) <= INT:
            return super().floor_divide(a, b)
        if (a if is_number(b) else b).dtype is not F32:
            return super().floor_divide(a, b)
        x, y = (np.float64(v) if is_number(v) else v.astype(np.float64) for v in (_rounded32(a), _rounded32(b)))
        ratio = x / y
        return self._patched(np.floor(ratio).astype(F32), ratio, 2.0**22, a, b, super().floor_divide)

    def _patched(self, result, ratio, limit, a, b, exact):
        """Where the quotient reaches ``limit``, the result is computed by fmod instead.

        The float64 quotient of float32 values has the right floor below 2**28. PyTorch's own quotient, computed in
        float32, is the right one only below 2**22.
        """
        result, far = asarray(result), asarray(~(np.abs(ratio) < limit))
        if isinstance(b, ndarray) and b.size:
            far |= np.isinf(b)
        if not far.any():
            return result
        result = np.array(result)
        operands = [v if is_number(v) else np.broadcast_to(v, result.shape)[far] for v in (a, b)]
        result[far] = exact(*operands)
        return result

    def _integer_remainder(self, a, b):
        self._integer_divisor(b, "modulo")
        return self.array(np.remainder(a, b))

    @silent
    @halved
    def fmod(self, a, b):
        if self._category(a, b) <= INT:
            self._integer_divisor(b, "modulo")
        return asarray(np.fmod(a, b))

    def pow(self, a, b):
        if is_number(b) and a.dtype.kind in "fc" and a.itemsize > 2:
            y = small_power(self, a, b)
            if y is not None:
                return y
        return self._pow(a, b)

    @silent
    @halved
    def _pow(self, a, b):
        return super().pow(a, b)


def _lerp(a, b, w):
    """``a + w * (b - a)`` in the memory of the difference, where the result has its shape and dtype."""
    y = b - a
    if type(y) is not ndarray or (type(w) is ndarray and (w.shape != y.shape or w.dtype != y.dtype)):
        return a + w * y
    y *= w
    y += a
    return y


# Elements from which a row of a number's copies is worth its making, and how many of them a row has.
MANY, ROW = 1 << 13, 1 << 11


def _extreme(k, f, a, b):
    if type(a) is ndarray is type(b):
        y = QUIET.run(f, a, b)
    elif type(a) is ndarray and a.size >= MANY and a.dtype.kind == "f" and a.itemsize >= 4:
        y = QUIET.run(extreme_of_number, f, a, b, np.empty_like(a))
    else:
        y = k._with_number(f, a, b, True)
    return y if type(y) is ndarray else asarray(y)


def extreme_of_number(f, x, number, out):
    """``f(x, number)`` into ``out``, of the shape and strides of ``x``, for ``np.maximum`` and ``np.minimum``.

    NumPy has no vector instructions for them where an operand stands still, so x meets a row of copies of the number.
    """
    flat, target = in_memory_order(x), in_memory_order(out)
    if flat is None or x.strides != out.strides:
        return f(x, number, out=out)
    row = np.full(ROW, number, x.dtype)
    whole = flat.size - flat.size % ROW
    f(flat[:whole].reshape(-1, ROW), row, out=target[:whole].reshape(-1, ROW))
    f(flat[whole:], row[:flat.size - whole], out=target[whole:])
    return out


def in_memory_order(x):
    """A view of all elements in the order of memory, or None where they are not one run of it."""
    if not x.flags.c_contiguous:
        strides = x.strides
        x = x.transpose(sorted(range(x.ndim), key=lambda axis: -strides[axis]))
        if not x.flags.c_contiguous:
            return None
    return x.reshape(-1)


def _rounded32(v):
    return float(np.float32(v)) if is_number(v) else v


def masked(x, keep):
    """x where ``keep``, else zero: its bits times 0 or 1, four times as fast as a selection."""
    if x.dtype.kind == "b":
        return asarray(np.logical_and(x, keep))
    return asarray(np.multiply(x.view(BITS[x.itemsize]), asarray(keep).view(np.int8))).view(x.dtype)


def _bind_ufuncs(cls):
    """Gives ``cls`` the kernels that are one ufunc, where it has none of its own."""
    for op, name in DIRECT.items():
        if op in vars(cls):
            continue
        f = getattr(np, name)
        if op in UNARY:
            kernel = _whole(f) if op in INTEGER_IDENTITY else _unary(f)
        else:
            kernel = _binary_wide(f) if op in WIDE else _binary(f, op in ROUNDED)
        kernel.__name__ = op
        setattr(cls, op, kernel)


_bind_ufuncs(NumpyElementwise)
