"""Samples of composed elementwise functions."""

from __future__ import annotations

import math

import numpy as np

from .formulas import BOOLS, INT8, comparison, complex_pair, pair, positive_pair, quiet, rounding, unary, vector
from .sample import SPECIAL, between, complexes, declare, normal, sample

declare(__name__)

unary("square", lambda x: x * x, -3, 3, complex_too=True)
unary("reciprocal", lambda x: 1 / x, 0.3, 3, complex_too=True)
unary("rsqrt", lambda x: 1 / np.sqrt(x), 0.3, 3, complex_too=True)
unary("tan", np.tan, -1.2, 1.2, complex_too=True)
unary("asin", np.arcsin, -0.9, 0.9)
unary("acos", np.arccos, -0.9, 0.9)
unary("atan", np.arctan, -3, 3)
unary("sinh", np.sinh, -3, 3)
unary("cosh", np.cosh, -3, 3)
unary("asinh", np.arcsinh, -3, 3)
unary("acosh", np.arccosh, 1.2, 4)
unary("atanh", np.arctanh, -0.8, 0.8)
unary("exp2", np.exp2, -3, 3)
unary("log2", np.log2, 0.1, 4)
unary("log10", np.log10, 0.1, 4)
unary("sinc", np.sinc, -3, 3, complex_too=True)
unary("erf", vector(math.erf), -3, 3)
sample(
    "erf",
    vector(math.erf),
    np.array([0.0, 1e-9, -0.4, 0.51, 2.0, 5.9, 30.0, -30.0, np.inf, -np.inf, np.nan]),
    grad=False,
    half=False,
)
rounding("ceil", math.ceil)
rounding("trunc", math.trunc)
for _op, _f in (("isnan", np.isnan), ("isinf", np.isinf), ("isfinite", np.isfinite)):
    sample(_op, _f, SPECIAL, grad=False)
sample("isnan", np.isnan, np.array([1 + 1j, complex(np.nan, 0), complex(0, np.nan)]), grad=False)
for _op, _v in (("zeros_like", 0), ("ones_like", 1)):
    for _x in (normal(2, 3), INT8, complexes(2), BOOLS, np.asarray(2.0)):
        sample(_op, lambda x, v=_v: np.full_like(x, v), _x, grad=False)
sample("sgn", lambda x: x / np.abs(x), complexes(2, 3))
sample("angle", np.angle, complexes(2, 3))
sample("sgn", lambda x: np.array([0, 1, 1j]), np.array([0, 5, 2j], np.complex128), grad=False)
pair("copysign", np.copysign, normal(2, 3), normal(2, 3))
sample("copysign", np.copysign, SPECIAL[:8, None], SPECIAL[:8], grad=False, signs=True)
sample("copysign", np.copysign, SPECIAL, -0.0, grad=False, signs=True)
positive_pair("hypot", np.hypot, numbers=False)
positive_pair("logaddexp", np.logaddexp, numbers=False)
positive_pair("mul_conj", lambda a, b: a * np.conj(b))
complex_pair("mul_conj", lambda a, b: a * np.conj(b))
sample(
    "hypot",
    lambda a, b: np.array([np.inf, 5e300]),
    np.array([np.inf, 3e300]),
    np.array([np.nan, 4e300]),
    grad=False,
    half=False,
    check=lambda r, o, p: np.testing.assert_allclose(r[0][1], 5e300),
)
sample(
    "logaddexp",
    lambda a, b: np.array([-np.inf, np.inf, 1000 + math.log(2)]),
    np.array([-np.inf, np.inf, 1000]),
    np.array([-np.inf, 1, 1000]),
    grad=False,
    half=False,
)
sample("fmod", vector(math.fmod), np.array([5.3, -5.3, 4.1]), np.array([2.0, 2.0, -1.5]))
sample("fmod", vector(math.fmod), np.array([5.3, -5.3, 4.1]), 2.0)
sample("fmod", lambda a, b: np.fmod(a, b), INT8, np.array([3, -3, 2, 5, -7, 3, -1], np.int8))
comparison("ne", np.not_equal)
comparison("gt", np.greater)
comparison("ge", np.greater_equal)
_edge = np.array([-2.0, -1.0, 0.3, 1.0, 4.0])
sample("clamp", np.clip, np.array([-2.0, -0.5, 0.3, 4.0]), -1, 1.5)
sample("clamp", lambda x, lo, hi: np.maximum(x, lo), np.array([-2.0, -0.5, 0.3]), -1, None)
sample("clamp", lambda x, lo, hi: np.minimum(x, hi), np.array([-2.0, -0.5, 0.3]), None, 0.1)
sample("clamp", lambda x, lo, hi: np.minimum(np.maximum(x, lo), hi), _edge, between(-1.5, 0, 5), between(0.5, 2, 5))
sample("clamp", lambda x, lo, hi: np.array([np.nan, 1, 1]), np.array([np.nan, 0, 3]), 2, 1, grad=False)
sample("clamp", np.clip, INT8, -3, 3)
sample("lerp", lambda a, b, w: a + w * (b - a), normal(2, 3), normal(2, 3), 0.3)
sample("lerp", lambda a, b, w: a + w * (b - a), normal(2, 3), normal(3), between(0, 1, 2, 1))
sample("lerp", lambda a, b, w: a + w * (b - a), complexes(3), complexes(3), complexes(3))

for _op, _f in (("isnan", np.isnan), ("isinf", np.isinf), ("isfinite", np.isfinite)):
    sample(_op, _f, np.zeros((0, 2)), grad=False)
    sample(_op, _f, np.asarray(np.inf), grad=False)
sample("sgn", lambda x: np.zeros((0,), np.complex128), np.zeros((0,), np.complex128), grad=False)
sample("angle", np.angle, np.array([1j, -1, 0, complex(-1, -0.0)]), grad=False)
sample(
    "clamp",
    lambda x, lo, hi: np.array([-1, -1, 0.5, 1, 1, np.nan]),
    np.array([-np.inf, -3, 0.5, 3, np.inf, np.nan]),
    -1,
    1,
    grad=False,
)
sample("clamp", np.clip, np.zeros((0, 2)), 0, 1, grad=False)
sample(
    "lerp",
    lambda a, b, w: np.array([1.0, 3.0, np.inf]),
    np.array([1.0, 1.0, 0.0]),
    np.array([3.0, 3.0, np.inf]),
    np.array([0.0, 1.0, 0.25]),
    grad=False,
)
sample(
    "fmod",
    quiet(np.fmod),
    np.array([5.0, -5.0, np.inf, 3.0, np.nan, 0.0]),
    np.array([np.inf, 3.0, 2.0, 0.0, 1.0, 2.0]),
    grad=False,
)
sample("fmod", np.fmod, np.zeros((0,)), 2.0, grad=False)
for _type in (np.int8, np.int32, np.int64):
    sample("fmod", lambda a, b: 0 * a, np.array([np.iinfo(_type).min], _type), np.array([-1], _type))

positive_pair("logaddexp2", lambda a, b: np.log2(2.0**a + 2.0**b), numbers=False)
sample(
    "logaddexp2",
    lambda a, b: np.array([-np.inf, np.inf, 1001, np.nan]),
    np.array([-np.inf, np.inf, 1000, np.nan]),
    np.array([-np.inf, 1, 1000, 0]),
    grad=False,
    half=False,
)

# What a number is made of.
for _type in (np.float32, np.float64):
    _tiny = np.finfo(_type).tiny
    _parts = np.array([0.0, -0.0, 1, -1, 0.7, -3e8, np.inf, -np.inf, np.nan, _tiny, -5 * _tiny], _type)
    sample("signbit", lambda x: np.copysign(1, x) < 0, _parts, grad=False)
    sample("signbit", lambda x: np.copysign(1, x) < 0, np.zeros((0, 2), _type), grad=False)
    sample(
        "frexp",
        lambda x: tuple(map(np.array, zip(*(math.frexp(float(v)) for v in x), strict=True))),
        _parts,
        grad=False,
        signs=True,
    )
    _steps = np.array([0.0, -0.0, 1, 1, -1, -1, 2, 3, np.inf, 5, np.nan, -0.3], _type)
    _goals = np.array([1.0, -1.0, 2, 0, -2, 0, 2, np.inf, np.inf, np.nan, 1, 0.3], _type)
    sample("nextafter", np.nextafter, _steps[2:], _goals[2:], grad=False, half=False)
    sample("nextafter", lambda a, b: np.nextafter(np.zeros(2, a.dtype), b),
           _steps[:2], _goals[:2], grad=False, half=False)
    sample("nextafter", np.nextafter, np.zeros((0, 2), _type), np.ones((2,), _type), grad=False, half=False)
sample("frexp", lambda x: np.frexp(x), between(0.6, 0.9, 2, 3), half=False)
sample("nextafter", lambda a, b: a, between(0.5, 1, 2, 3), between(2, 3, 3), half=False)
sample("nextafter", np.nextafter, np.float32([np.inf, -np.inf]), np.float32([1, 1]), grad=False)  # to the largest number
sample("nextafter", lambda a, b: np.float16([1 + 2**-10, 1 - 2**-11]), np.float16([1, 1]), np.float16([2, 0]), grad=False)
for _type in (np.uint8, np.int8, np.int32, np.int64):
    _a = np.array([0, 0, 12, 18, 100, 89, 127, 60], _type)
    _b = np.array([0, 5, 18, 12, 75, 55, 127, 7], _type)
    for _flip in ((1,) if _type is np.uint8 else (1, -1)):
        sample("gcd", lambda a, b: np.array([math.gcd(int(x), int(y)) for x, y in zip(a, b, strict=True)], a.dtype),
               _a * _type(_flip), _b)
sample("gcd", lambda a, b: np.zeros((0, 2), np.int32), np.zeros((0, 2), np.int32), np.ones(2, np.int32))
sample("gcd", lambda a, b: np.array([1]), np.array([7540113804746346429]), np.array([4660046610375530309]))
