"""Rounding of random values: conversion to a named dtype, and fused multiply-add on NumPy arrays.

The exact fused multiply-adds follow Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums:
proved algorithms using rounding to odd" (IEEE Trans. Computers 57(4), 2008).
"""

from __future__ import annotations

import math

import numpy as np

#: Mantissa bits, the hidden one included.
DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}

_SCALAR_NAMES = {
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
    "complex32": "ComplexHalf",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}
_C_NAMES = {
    "bool": "bool",
    "uint8": "unsigned char",
    "int8": "signed char",
    "int16": "short int",
    "int32": "int",
    "int64": "long int",
    "uint16": "short unsigned int",
    "uint32": "unsigned int",
    "uint64": "long unsigned int",
    "float16": "c10::Half",
    "bfloat16": "c10::BFloat16",
    "float32": "float",
    "float64": "double",
}


def scalar_name(dtype: str) -> str:
    """The name that PyTorch's messages give to ``dtype`` (``Long`` for int64)."""
    return _SCALAR_NAMES.get(dtype, dtype)


def c_name(dtype: str) -> str:
    """The C++ type that PyTorch's bound messages name for ``dtype``."""
    return _C_NAMES.get(dtype, dtype)


def not_implemented(kernel: str, dtype: str) -> NotImplementedError:
    """The error for a sampler that has no meaning for ``dtype``."""
    return NotImplementedError(f"\"{kernel}\" not implemented for '{scalar_name(dtype)}'")


def numpy_dtype(dtype: str) -> np.dtype:
    """The NumPy dtype of a dtype name; bfloat16 is that of ml_dtypes."""
    if dtype == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(dtype)


def largest(dtype: str) -> float:
    """The largest finite value of a real floating dtype."""
    if dtype == "bfloat16":
        return (2.0 - 2.0**-7) * 2.0**127
    return float(np.finfo(dtype).max)


def smallest_normal(dtype: str) -> float:
    """The smallest positive normal value of a real floating dtype."""
    return 2.0**-126 if dtype == "bfloat16" else float(np.finfo(dtype).tiny)


def to_dtype(values: np.ndarray, dtype: str) -> np.ndarray:
    """``values`` (float32 or float64) rounded to ``dtype``, half types by way of float32 as in PyTorch.

    Integers are truncated and wrap modulo their width.
    """
    if dtype in ("float16", "bfloat16"):
        with np.errstate(over="ignore"):
            return values.astype(np.float32, copy=False).astype(numpy_dtype(dtype))
    target = numpy_dtype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        if target.kind in "iu":
            return values.astype(np.int64).astype(target)
        return values.astype(target, copy=False)


def _two_sum(a: np.ndarray, b: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)


def _odd(total: np.ndarray, error: np.ndarray) -> np.ndarray:
    """``total + error``, rounded to odd: if inexact, that neighbour of the sum whose last bit is 1."""
    move = (error != 0.0) & ((total.view(np.int64) & 1) == 0)
    if move.any():
        toward = np.where(error > 0.0, np.inf, -np.inf)
        total = np.where(move, np.nextafter(total, toward), total)
    return total


def fma32(a: np.ndarray, b: float, c: float) -> np.ndarray:
    """``a * b + c`` with one rounding, float32: of a float32 array and two numbers that float32 holds."""
    product = np.multiply(a, b, dtype=np.float64)
    if c == 0.0:
        product += 0.0
        return product.astype(np.float32)
    total = product + c
    # Rounding twice goes wrong only if the first rounding ends on a midpoint of the second.
    halfway = (total.view(np.int64) & 0x1FFFFFFF) == 0x10000000
    if halfway.any():
        total[halfway] = _odd(*_two_sum(product[halfway], c))
    return total.astype(np.float32)


def fma64(a: np.ndarray, b: float, c: float) -> np.ndarray:
    """``a * b + c`` with one rounding, float64. ``a`` is a 1-D array; ``b`` and ``c`` are numbers."""
    if b == 1.0:
        return a + c
    if c == 0.0:
        return a * b + 0.0
    mantissa = math.frexp(b)[0] if math.isfinite(b) else math.nan
    if abs(mantissa) == 0.5:  # the product is exact
        return a * b + c
    if hasattr(math, "fma") and a.size < 64:
        return np.fromiter((math.fma(x, b, c) for x in a.tolist()), np.float64, a.size)
    if not (2.0**-400 < abs(b) < 2.0**400 and 2.0**-400 < abs(c) < 2.0**400):
        return np.fromiter((_exact_fma(x, b, c) for x in a.tolist()), np.float64, a.size)
    high, low = _two_product(a, b)
    carry, rest = _two_sum(low, c)
    top, middle = _two_sum(high, carry)
    return top + _odd(*_two_sum(rest, middle))


def _split(a: np.ndarray | float) -> tuple:
    shifted = a * 134217729.0  # 2**27 + 1: Veltkamp's splitting
    high = shifted - (shifted - a)
    return high, a - high


def _two_product(a: np.ndarray, b: float) -> tuple[np.ndarray, np.ndarray]:
    product = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    error = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return product, error


def _exact_fma(a: float, b: float, c: float) -> float:
    if not (math.isfinite(a) and math.isfinite(b) and math.isfinite(c)):
        return a * b + c
    from fractions import Fraction  # rarely needed, and slow to import

    exact = Fraction(a) * Fraction(b) + Fraction(c)
    try:
        return float(exact)
    except OverflowError:
        return math.copysign(math.inf, exact)
