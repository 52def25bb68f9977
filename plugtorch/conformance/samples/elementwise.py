"""Samples of elementwise primitives."""

from __future__ import annotations

import math

import numpy as np

from .formulas import BF16, BOOLS, INT8, comparison, complex_pair, pair, positive_pair, quiet, rounding, special_pair, unary
from .sample import SPECIAL, between, complexes, declare, integers, normal, sample

declare(__name__)

UINT8 = np.array([0, 1, 5, 200, 255], np.uint8)
unary("neg", np.negative, -3, 3, complex_too=True)
unary("exp", np.exp, -3, 3, complex_too=True)
unary("expm1", np.expm1, -2, 2, complex_too=True)
unary("log", np.log, 0.1, 4, complex_too=True)
unary("log1p", np.log1p, -0.5, 3, complex_too=True)
unary("sin", np.sin, -3, 3, complex_too=True)
unary("cos", np.cos, -3, 3, complex_too=True)
unary("tanh", np.tanh, -3, 3, complex_too=True)
unary("sqrt", np.sqrt, 0.1, 4, complex_too=True)
sample(
    "exp", lambda x: np.array([0, 0, 1], np.complex128), np.array([complex(-np.inf, np.inf), complex(-np.inf, 1), 0])
)
sample("log1p", lambda x: np.array([1e-10 + 1e-10j, 5e-21 + 1e-10j]), np.array([1e-10 + 1e-10j, 1e-10j]), grad=False)
sample(
    "sqrt",
    lambda x: np.array([-1j, 1j, -2j]),
    np.array([complex(-1, -0.0), complex(-1, 0.0), complex(-4, -0.0)]),
    grad=False,
)
sample("neg", lambda x: np.array([-128, 100, 1, 0, -1, -5, -127], np.int8), INT8)
sample("neg", lambda x: np.array([0, 255, 251, 56, 1], np.uint8), UINT8)
sample("abs", np.abs, normal(2, 3))
sample("abs", np.abs, complexes(2, 3))
sample("abs", lambda x: np.array([-128, 100, 1, 0, 1, 5, 127], np.int8), INT8)
sample("abs", lambda x: np.array([np.inf, 5.0]), np.array([complex(np.inf, np.nan), 3 + 4j]), grad=False)
sample("sign", lambda x: np.array([0, 0, 1, -1, 1, -1, 1, -1, 0.0]), SPECIAL, grad=False)
sample("sign", np.sign, INT8)
sample("sign", lambda x: x != 0, BOOLS)
sample("sign", np.sign, np.asarray(-3.0), grad=False)
rounding("floor", math.floor)
sample("round", np.rint, np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.51]), grad=False)
sample("round", lambda x, decimals: np.array([0.1, 1.2, -2.3]), np.array([0.12, 1.17, -2.3]), decimals=1, grad=False)
sample(
    "round",
    lambda x, decimals: np.array([100.0, -200.0]),
    np.array([149.0, -151.0]),
    decimals=-2,
    grad=False,
    half=False,
)
sample("round", lambda x: x, INT8)
sample("conj", np.conj, complexes(2, 3))
sample("real", np.real, complexes(2, 3))
sample("imag", np.imag, complexes(2, 3))
sample("conj", lambda x: x, normal(3))
sample("complex", lambda a, b: a + 1j * b, normal(2, 3), normal(3), half=False)
sample(
    "complex",
    lambda a, b: np.array([complex(np.inf, 1), complex(0, np.inf)]),
    np.array([np.inf, 0]),
    np.array([1, np.inf]),
    grad=False,
    half=False,
)
positive_pair("add", np.add)
positive_pair("sub", np.subtract)
positive_pair("mul", np.multiply)
positive_pair("div", np.true_divide)
positive_pair("maximum", np.maximum)
positive_pair("minimum", np.minimum)
pair("atan2", np.arctan2, between(0.5, 3, 2, 3), between(-3, -0.5, 2, 3), numbers=False)
special_pair("atan2", np.arctan2, signs=True)
pair("pow", np.power, between(0.5, 3, 2, 3), between(-2, 2, 2, 3))
special_pair("pow", np.power, half=False)
complex_pair("add", np.add)
complex_pair("sub", np.subtract)
complex_pair("mul", np.multiply)
complex_pair("div", np.true_divide)
complex_pair("pow", np.power)
sample("pow", np.power, 1.5 + 0.5j, complexes(3))
sample("mul", np.multiply, np.zeros((2, 0)), np.zeros((1, 1)), grad=False)
sample("add", lambda a, b: np.array([-84, -56, 43, 44, 45, 49, -85], np.int8), INT8, 300)
sample("mul", lambda a, b: np.array([0, 3, 15, 88, 253], np.uint8), UINT8, 3)
sample("sub", lambda a, b: np.array([1, 2, 6, 201, 0], np.uint8), UINT8, -1)
sample("add", np.logical_or, BOOLS, ~BOOLS)
sample("mul", np.logical_and, BOOLS, BOOLS[:1])
sample("div", lambda a, b: np.array([np.inf, -np.inf, np.nan]), np.array([1.0, -1, 0]), np.zeros(3), grad=False)
sample(
    "maximum",
    lambda a, b: np.array([np.nan, np.nan, 2, 3.0]),
    np.array([np.nan, 1, 2, 3]),
    np.array([1, np.nan, 2, -3]),
    grad=False,
)
sample(
    "minimum",
    lambda a, b: np.array([np.nan, np.nan, 2, -3.0]),
    np.array([np.nan, 1, 2, 3]),
    np.array([1, np.nan, 2, -3]),
    grad=False,
)
sample("maximum", np.maximum, INT8, 2)
sample("minimum", np.minimum, BOOLS, ~BOOLS)
sample("atan2", np.arctan2, np.array([0.0, -0.0, 0.0, -0.0, 1.0]), np.array([1.0, 1.0, -1.0, -1.0, 0.0]), grad=False)
# The quotient of a division with remainder, by exact rational arithmetic.
DIVIDENDS = np.array([7.0, -7.0, 7.0, -7.0, 1.0, 6.0, 0.3, -1e-10, 5.5, 3e20, 1e5])
DIVISORS = np.array([3.0, 3.0, -3.0, -3.0, 0.1, 0.1, 0.1, 3.0, 2.5, 7.0, 1e-3])


def floor_quotient(a, b):
    from fractions import Fraction

    flat = [
        float(Fraction(float(x)) // Fraction(float(y))) for x, y in zip(a, np.broadcast_to(b, a.shape), strict=True)
    ]
    return np.array(flat)


def exact_remainder(a, b):
    from fractions import Fraction

    flat = [
        float(Fraction(float(x)) % Fraction(float(y))) if y > 0 else -float(Fraction(-float(x)) % Fraction(-float(y)))
        for x, y in zip(a, np.broadcast_to(b, a.shape), strict=True)
    ]
    return np.array(flat)


sample("floor_divide", floor_quotient, DIVIDENDS, DIVISORS, grad=False, half=False)
sample("remainder", exact_remainder, DIVIDENDS, DIVISORS, half=False, grad=False)
sample("floor_divide", floor_quotient, DIVIDENDS.astype(np.float32), DIVISORS.astype(np.float32), grad=False)
sample("remainder", exact_remainder, DIVIDENDS.astype(np.float32), DIVISORS.astype(np.float32), grad=False)
sample("remainder", exact_remainder, np.array([5.3, -5.3, 4.1]), 2.0)
sample("remainder", exact_remainder, np.array([5.3, -5.3, 4.1]), np.array([2.0, 2.0, 1.5]))
for _type in (np.float32, np.float64):
    sample(
        "remainder",
        lambda a, b: np.array([np.inf, 1, np.nan, np.nan]),
        np.array([-1, 1, 1, np.inf], _type),
        np.array([np.inf, np.inf, 0, 2], _type),
        grad=False,
        half=False,
    )
    sample(
        "floor_divide",
        lambda a, b: np.array([np.inf, np.nan, np.nan, 9]),
        np.array([1, 0, np.inf, 1], _type),
        np.array([0, 0, 1, 0.1], _type),
        grad=False,
        half=False,
    )
sample("floor_divide", lambda a, b: a // b, INT8, np.array([3, -3, 2, 5, -7, 3, -1], np.int8))
sample("remainder", lambda a, b: a % b, INT8, np.array([3, -3, 2, 5, -7, 3, -1], np.int8))
sample("floor_divide", lambda a, b: a // b, UINT8, 7)
sample(
    "pow",
    lambda a, b: np.array([1, 1, np.nan, 0, np.inf, 1.0]),
    np.array([0, 1, -1, 0, 0, np.nan]),
    np.array([0, np.nan, 0.5, 2, -1, 0]),
    grad=False,
)
for _b in (0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, 0.5, -0.5, 2.5, 9):
    sample("pow", lambda a, b: np.power(a, float(b)), between(0.5, 2, 3), _b)
sample("pow", lambda a, b: np.power(a, b), between(-2, -0.5, 3), 3)
sample("pow", lambda a, b: np.power(a, b), integers(-3, 4, 5), 3)
sample("pow", lambda a, b: np.array([0, -1, 1, 1, 0]), np.array([-2, -1, -1, 1, 3]), np.array([-1, -1, -2, -3, -2]))
sample(
    "pow",
    lambda a, b: np.array([235], np.uint8),
    np.array([3], np.uint8),
    np.array([11], np.uint8),
    check=lambda r, o, p: np.testing.assert_array_equal(r[0], [3**11 % 256]),
)
for _op, _f in (("bit_and", np.bitwise_and), ("bit_or", np.bitwise_or), ("bit_xor", np.bitwise_xor)):
    sample(_op, _f, INT8, INT8[::-1].copy())
    sample(_op, _f, INT8, 6)
    sample(_op, _f, BOOLS, ~BOOLS[:1])
sample("bit_not", np.invert, INT8)
sample("bit_not", np.logical_not, BOOLS)
_counts = np.array([-1, 0, 1, 7, 8, 9, 3], np.int8)
sample("shift_left", lambda a, b: np.array([0, -100, -2, 0, 0, 0, -8], np.int8), INT8, _counts)
sample("shift_right", lambda a, b: np.array([-1, -100, -1, 0, 0, 0, 15], np.int8), INT8, _counts)
sample("shift_right", lambda a, b: a >> 2, UINT8, 2)
comparison("eq", np.equal)
comparison("lt", np.less)
comparison("le", np.less_equal)
sample("eq", np.equal, np.array([1 + 1j, 2]), np.array([1 + 1j, 2 + 1j]), grad=False)
_mask = np.array([[True, False, True], [False, False, True]])
sample("where", np.where, _mask, normal(2, 3), normal(3))
sample("where", np.where, _mask, normal(2, 3), 0)
sample("where", np.where, _mask, 0, normal(2, 3))
sample("where", np.where, _mask, 2.5, normal(3))
sample("where", np.where, _mask, complexes(2, 3), 0)
sample("where", lambda m, a, b: np.where(m, a, np.int8(b)), _mask[0], INT8[:3], 7)
sample("where", np.where, _mask, np.array([[np.inf, np.nan, 1], [np.nan, np.inf, -np.inf]]), 0, grad=False)
sample("where", np.where, _mask, ~_mask, False)
sample("where", np.where, np.asarray(True), normal(2), normal(2))

# What is exact keeps the sign of zero.
for _op, _f in (("add", np.add), ("sub", np.subtract), ("mul", np.multiply)):
    sample(_op, _f, np.array([0.0, -0.0, -0.0, 3.0]), np.array([-0.0, -0.0, 2.0, -0.0]), grad=False, signs=True)
sample(
    "div",
    quiet(np.divide),
    np.array([0.0, -0.0, 1.0, -1.0]),
    np.array([-3.0, 2.0, -np.inf, np.inf]),
    grad=False,
    signs=True,
)
sample("abs", np.abs, SPECIAL, grad=False, signs=True)
sample("abs", np.abs, np.zeros((2, 0)), grad=False)
sample("round", np.rint, np.array([-0.4, -0.0, 0.0, 0.4, np.nan, np.inf, -np.inf]), grad=False, signs=True)
sample("round", np.rint, np.asarray(2.5), grad=False)
sample("sign", np.sign, np.zeros((0,)), grad=False)
for _op, _f in (("conj", np.conj), ("real", np.real), ("imag", np.imag)):
    sample(_op, _f, np.array([complex(np.nan, 1), complex(-0.0, -np.inf), complex(np.inf, 0)]), grad=False, signs=True)
    sample(_op, _f, np.zeros((0, 2), np.complex128), grad=False)
    sample(_op, _f, np.asarray(1 - 2j), grad=False)
for _op, _f in (("bit_and", np.bitwise_and), ("bit_or", np.bitwise_or), ("bit_xor", np.bitwise_xor)):
    sample(_op, _f, np.zeros((0, 3), np.int32), np.ones(3, np.int32))
    sample(_op, _f, np.asarray(6), np.asarray(3))
    sample(_op, _f, UINT8, UINT8[::-1].copy())
for _type in (np.int8, np.int16, np.int32, np.int64):
    _info = np.iinfo(_type)
    _ends = np.array([_info.min, _info.max, -1, 0, 1], _type)
    for _op, _f in (
        ("add", np.add),
        ("sub", np.subtract),
        ("mul", np.multiply),
        ("maximum", np.maximum),
        ("minimum", np.minimum),
    ):
        sample(_op, quiet(_f), _ends, _ends[::-1].copy())
        sample(_op, quiet(_f), _ends, _ends)
    sample("neg", np.negative, _ends)
    sample("abs", np.abs, _ends)
    sample("sign", np.sign, _ends)
    sample("bit_not", np.invert, _ends)
    sample("floor_divide", quiet(np.floor_divide), _ends[1:], np.array([2, -3, 5, -1], _type))
    sample("floor_divide", lambda a, b: a, _ends[:1], np.array([-1], _type))  # wraps, and must not trap
    sample("remainder", lambda a, b: 0 * a, _ends[:1], np.array([-1], _type))
    sample("remainder", quiet(np.remainder), _ends, np.array([3, -3, 2, 5, -7], _type))
sample("where", np.where, np.zeros((0, 1), bool), np.ones((1, 3)), np.ones(3), grad=False)
sample(
    "where",
    np.where,
    np.array([True, False, True]),
    np.array([-0.0, 1.0, np.inf]),
    np.array([1.0, -0.0, np.nan]),
    grad=False,
    signs=True,
)
sample("where", np.where, np.array([[True], [False]]), INT8, 0)

# A number is rounded to the half type that it is compared with.
for _type in (np.dtype(np.float16), BF16):
    sample("eq", lambda a, b: np.array([True, False]), np.array([0.1, 0.2]).astype(_type), 0.1)
    sample("lt", lambda a, b: np.array([False, False]), np.array([0.1, 0.2]).astype(_type), 0.1)
    sample("le", lambda a, b: np.array([True, False]), np.array([0.1, 0.2]).astype(_type), 0.1)
    sample("maximum", lambda a, b: a, np.array([0.1, 0.2]).astype(_type), 0.1)
