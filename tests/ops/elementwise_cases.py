"""Cases of elementwise ops, activations included."""

from __future__ import annotations

import math

import numpy as np

from .cases import SPECIAL, between, case, complexes, integers, normal, strided

INT8 = np.array([-128, -100, -1, 0, 1, 5, 127], np.int8)
UINT8 = np.array([0, 1, 5, 200, 255], np.uint8)
BOOLS = np.array([[True, False, True], [False, False, True]])


def vector(f):
    """A reference computed one element at a time by Python's math module."""

    def reference(*arrays):
        arrays = np.broadcast_arrays(*[np.asarray(a, np.float64) for a in arrays])
        flat = [f(*map(float, v)) for v in zip(*(a.reshape(-1) for a in arrays), strict=True)]
        return np.array(flat, np.float64).reshape(arrays[0].shape)

    return reference


def quiet(f):
    def reference(*operands, **params):
        with np.errstate(all="ignore"):
            return f(*operands, **params)

    return reference


UNARY = {
    # op: (reference, low, high, complex too, its value at infinities and nan too)
    "neg": (np.negative, -3, 3, True),
    "exp": (np.exp, -3, 3, True),
    "expm1": (np.expm1, -2, 2, True),
    "log": (np.log, 0.1, 4, True),
    "log1p": (np.log1p, -0.5, 3, True),
    "sin": (np.sin, -3, 3, True),
    "cos": (np.cos, -3, 3, True),
    "tanh": (np.tanh, -3, 3, True),
    "sqrt": (np.sqrt, 0.1, 4, True),
    "square": (lambda x: x * x, -3, 3, True),
    "reciprocal": (lambda x: 1 / x, 0.3, 3, True),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 0.3, 3, True),
    "tan": (np.tan, -1.2, 1.2, True),
    "asin": (np.arcsin, -0.9, 0.9, False),
    "acos": (np.arccos, -0.9, 0.9, False),
    "atan": (np.arctan, -3, 3, False),
    "sinh": (np.sinh, -3, 3, False),
    "cosh": (np.cosh, -3, 3, False),
    "asinh": (np.arcsinh, -3, 3, False),
    "acosh": (np.arccosh, 1.2, 4, False),
    "atanh": (np.arctanh, -0.8, 0.8, False),
    "exp2": (np.exp2, -3, 3, False),
    "log2": (np.log2, 0.1, 4, False),
    "log10": (np.log10, 0.1, 4, False),
    "erf": (vector(math.erf), -3, 3, False),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -3, 3, True),
    "log_sigmoid": (lambda x: -np.log1p(np.exp(-x)), -3, 3, False),
    "silu": (lambda x: x / (1 + np.exp(-x)), -3, 3, False),
    "mish": (lambda x: x * np.tanh(np.log1p(np.exp(x))), -3, 3, False),
}
for _op, (_ref, _low, _high, _complex) in UNARY.items():
    case(_op, quiet(_ref), between(_low, _high, 2, 3))
    case(_op, quiet(_ref), strided(between(_low, _high, 3, 4)), grad=False)
    case(_op, quiet(_ref), between(_low, _high), grad=False)
    case(_op, quiet(_ref), np.zeros((0, 3)), grad=False)
    if _complex:
        case(_op, quiet(_ref), complexes(2, 3))
for _op in (
    "neg",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sin",
    "cos",
    "tanh",
    "sqrt",
    "square",
    "atan",
    "asinh",
    "exp2",
    "log2",
    "log10",
):
    case(_op, quiet(UNARY[_op][0]), SPECIAL, grad=False)
case(
    "erf",
    vector(math.erf),
    np.array([0.0, 1e-9, -0.4, 0.51, 2.0, 5.9, 30.0, -30.0, np.inf, -np.inf, np.nan]),
    grad=False,
    half=False,
)
case("sigmoid", lambda x: np.array([0, 1, 0.5, np.nan]), np.array([-np.inf, np.inf, 0, np.nan]), grad=False)
case(
    "sigmoid",
    lambda x: 1 / (1 + np.exp(-x)),
    np.array([-700.0, -40.0, 40.0, 700.0]),
    grad=False,
    half=False,
    check=lambda r, o, p: np.testing.assert_allclose(r[0], 1 / (1 + np.exp(-o[0])), atol=1e-15),
)
case("log_sigmoid", lambda x: np.array([-1000.0, 0.0]), np.array([-1000.0, 1000.0]), grad=False)
case("exp", lambda x: np.array([0, 0, 1], np.complex128), np.array([complex(-np.inf, np.inf), complex(-np.inf, 1), 0]))
case("log1p", lambda x: np.array([1e-10 + 1e-10j, 5e-21 + 1e-10j]), np.array([1e-10 + 1e-10j, 1e-10j]), grad=False)
case(
    "sqrt",
    lambda x: np.array([-1j, 1j, -2j]),
    np.array([complex(-1, -0.0), complex(-1, 0.0), complex(-4, -0.0)]),
    grad=False,
)
case("neg", lambda x: np.array([-128, 100, 1, 0, -1, -5, -127], np.int8), INT8)
case("neg", lambda x: np.array([0, 255, 251, 56, 1], np.uint8), UINT8)

case("abs", np.abs, normal(2, 3))
case("abs", np.abs, complexes(2, 3))
case("abs", lambda x: np.array([-128, 100, 1, 0, 1, 5, 127], np.int8), INT8)
case("abs", lambda x: np.array([np.inf, 5.0]), np.array([complex(np.inf, np.nan), 3 + 4j]), grad=False)
case("sign", lambda x: np.array([0, 0, 1, -1, 1, -1, 1, -1, 0.0]), SPECIAL, grad=False)
case("sign", np.sign, INT8)
case("sign", lambda x: x != 0, BOOLS)
case("sign", np.sign, np.asarray(-3.0), grad=False)
for _op, _f in (("floor", math.floor), ("ceil", math.ceil), ("trunc", math.trunc)):
    case(_op, vector(_f), np.array([[-2.5, -2.0, -0.3], [0.0, 0.7, 3.0]]), grad=False)
    case(_op, lambda x: x, INT8)
    case(_op, lambda x: x, np.array([np.inf, -np.inf, np.nan]), grad=False)
case("round", np.rint, np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.51]), grad=False)
case("round", lambda x, decimals: np.array([0.1, 1.2, -2.3]), np.array([0.12, 1.17, -2.3]), decimals=1, grad=False)
case(
    "round",
    lambda x, decimals: np.array([100.0, -200.0]),
    np.array([149.0, -151.0]),
    decimals=-2,
    grad=False,
    half=False,
)
case("round", lambda x: x, INT8)
for _op, _f in (("isnan", np.isnan), ("isinf", np.isinf), ("isfinite", np.isfinite)):
    case(_op, _f, SPECIAL, grad=False)
case("isnan", np.isnan, np.array([1 + 1j, complex(np.nan, 0), complex(0, np.nan)]), grad=False)
for _op, _v in (("zeros_like", 0), ("ones_like", 1)):
    for _x in (normal(2, 3), INT8, complexes(2), BOOLS, np.asarray(2.0)):
        case(_op, lambda x, v=_v: np.full_like(x, v), _x, grad=False)

for _op, _f in (
    ("conj", np.conj),
    ("real", np.real),
    ("imag", np.imag),
    ("sgn", lambda x: x / np.abs(x)),
    ("angle", np.angle),
):
    case(_op, _f, complexes(2, 3))
case("conj", lambda x: x, normal(3))
case("sgn", lambda x: np.array([0, 1, 1j]), np.array([0, 5, 2j], np.complex128), grad=False)
case("complex", lambda a, b: a + 1j * b, normal(2, 3), normal(3), half=False)
case(
    "complex",
    lambda a, b: np.array([complex(np.inf, 1), complex(0, np.inf)]),
    np.array([np.inf, 0]),
    np.array([1, np.inf]),
    grad=False,
    half=False,
)


def pair(op, f, a, b, numbers=True, **how):
    """Two arrays that broadcast, equal shapes, an array and a number on either side."""
    case(op, f, a, b, **how)
    case(op, f, a[:, :1], b[0], **how)
    if numbers:
        case(op, f, a, 1.5, **how)
        case(op, f, 1.5, b, **how)
    case(op, f, np.asarray(a[0, 0]), np.asarray(b[0, 0]), **{"grad": False, **how})
    case(op, f, strided(a), b, **{"grad": False, **how})


for _op, _f in (
    ("add", np.add),
    ("sub", np.subtract),
    ("mul", np.multiply),
    ("div", np.true_divide),
    ("maximum", np.maximum),
    ("minimum", np.minimum),
    ("atan2", np.arctan2),
    ("hypot", np.hypot),
    ("logaddexp", np.logaddexp),
    ("mul_conj", lambda a, b: a * np.conj(b)),
):
    pair(
        _op,
        _f,
        between(0.5, 3, 2, 3),
        between(-3, -0.5, 2, 3) if _op == "atan2" else between(0.5, 3, 2, 3),
        numbers=_op not in ("hypot", "logaddexp", "atan2"),
    )
pair("pow", np.power, between(0.5, 3, 2, 3), between(-2, 2, 2, 3))
for _op, _f in (
    ("add", np.add),
    ("sub", np.subtract),
    ("mul", np.multiply),
    ("div", np.true_divide),
    ("pow", np.power),
    ("mul_conj", lambda a, b: a * np.conj(b)),
):
    case(_op, _f, complexes(2, 3), complexes(3) + 2)
    case(_op, _f, complexes(3) + 2, 1.5 - 0.5j)
case("pow", np.power, 1.5 + 0.5j, complexes(3))
case("mul", np.multiply, np.zeros((2, 0)), np.zeros((1, 1)), grad=False)
case("add", lambda a, b: np.array([-84, -56, 43, 44, 45, 49, -85], np.int8), INT8, 300)
case("mul", lambda a, b: np.array([0, 3, 15, 88, 253], np.uint8), UINT8, 3)
case("sub", lambda a, b: np.array([1, 2, 6, 201, 0], np.uint8), UINT8, -1)
case("add", np.logical_or, BOOLS, ~BOOLS)
case("mul", np.logical_and, BOOLS, BOOLS[:1])
case("div", lambda a, b: np.array([np.inf, -np.inf, np.nan]), np.array([1.0, -1, 0]), np.zeros(3), grad=False)
case(
    "maximum",
    lambda a, b: np.array([np.nan, np.nan, 2, 3.0]),
    np.array([np.nan, 1, 2, 3]),
    np.array([1, np.nan, 2, -3]),
    grad=False,
)
case(
    "minimum",
    lambda a, b: np.array([np.nan, np.nan, 2, -3.0]),
    np.array([np.nan, 1, 2, 3]),
    np.array([1, np.nan, 2, -3]),
    grad=False,
)
case("maximum", np.maximum, INT8, 2)
case("minimum", np.minimum, BOOLS, ~BOOLS)
case(
    "hypot",
    lambda a, b: np.array([np.inf, 5e300]),
    np.array([np.inf, 3e300]),
    np.array([np.nan, 4e300]),
    grad=False,
    half=False,
    check=lambda r, o, p: np.testing.assert_allclose(r[0][1], 5e300),
)
case(
    "logaddexp",
    lambda a, b: np.array([-np.inf, np.inf, 1000 + math.log(2)]),
    np.array([-np.inf, np.inf, 1000]),
    np.array([-np.inf, 1, 1000]),
    grad=False,
    half=False,
)
case("atan2", np.arctan2, np.array([0.0, -0.0, 0.0, -0.0, 1.0]), np.array([1.0, 1.0, -1.0, -1.0, 0.0]), grad=False)

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


case("floor_divide", floor_quotient, DIVIDENDS, DIVISORS, grad=False, half=False)
case("remainder", exact_remainder, DIVIDENDS, DIVISORS, half=False, grad=False)
case("floor_divide", floor_quotient, DIVIDENDS.astype(np.float32), DIVISORS.astype(np.float32), grad=False)
case("remainder", exact_remainder, DIVIDENDS.astype(np.float32), DIVISORS.astype(np.float32), grad=False)
case("remainder", exact_remainder, np.array([5.3, -5.3, 4.1]), 2.0)
case("remainder", exact_remainder, np.array([5.3, -5.3, 4.1]), np.array([2.0, 2.0, 1.5]))
case("fmod", vector(math.fmod), np.array([5.3, -5.3, 4.1]), np.array([2.0, 2.0, -1.5]))
case("fmod", vector(math.fmod), np.array([5.3, -5.3, 4.1]), 2.0)
for _type in (np.float32, np.float64):
    case(
        "remainder",
        lambda a, b: np.array([np.inf, 1, np.nan, np.nan]),
        np.array([-1, 1, 1, np.inf], _type),
        np.array([np.inf, np.inf, 0, 2], _type),
        grad=False,
        half=False,
    )
    case(
        "floor_divide",
        lambda a, b: np.array([np.inf, np.nan, np.nan, 9]),
        np.array([1, 0, np.inf, 1], _type),
        np.array([0, 0, 1, 0.1], _type),
        grad=False,
        half=False,
    )
case("floor_divide", lambda a, b: a // b, INT8, np.array([3, -3, 2, 5, -7, 3, -1], np.int8))
case("remainder", lambda a, b: a % b, INT8, np.array([3, -3, 2, 5, -7, 3, -1], np.int8))
case("fmod", lambda a, b: np.fmod(a, b), INT8, np.array([3, -3, 2, 5, -7, 3, -1], np.int8))
case("floor_divide", lambda a, b: a // b, UINT8, 7)

case(
    "pow",
    lambda a, b: np.array([1, 1, np.nan, 0, np.inf, 1.0]),
    np.array([0, 1, -1, 0, 0, np.nan]),
    np.array([0, np.nan, 0.5, 2, -1, 0]),
    grad=False,
)
for _b in (0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -2, 0.5, -0.5, 2.5, 9):
    case("pow", lambda a, b: np.power(a, float(b)), between(0.5, 2, 3), _b)
case("pow", lambda a, b: np.power(a, b), between(-2, -0.5, 3), 3)
case("pow", lambda a, b: np.power(a, b), integers(-3, 4, 5), 3)
case("pow", lambda a, b: np.array([0, -1, 1, 1, 0]), np.array([-2, -1, -1, 1, 3]), np.array([-1, -1, -2, -3, -2]))
case(
    "pow",
    lambda a, b: np.array([235], np.uint8),
    np.array([3], np.uint8),
    np.array([11], np.uint8),
    check=lambda r, o, p: np.testing.assert_array_equal(r[0], [3**11 % 256]),
)

for _op, _f in (("bit_and", np.bitwise_and), ("bit_or", np.bitwise_or), ("bit_xor", np.bitwise_xor)):
    case(_op, _f, INT8, INT8[::-1].copy())
    case(_op, _f, INT8, 6)
    case(_op, _f, BOOLS, ~BOOLS[:1])
case("bit_not", np.invert, INT8)
case("bit_not", np.logical_not, BOOLS)
_counts = np.array([-1, 0, 1, 7, 8, 9, 3], np.int8)
case("shift_left", lambda a, b: np.array([0, -100, -2, 0, 0, 0, -8], np.int8), INT8, _counts)
case("shift_right", lambda a, b: np.array([-1, -100, -1, 0, 0, 0, 15], np.int8), INT8, _counts)
case("shift_right", lambda a, b: a >> 2, UINT8, 2)

for _op, _f in (
    ("eq", np.equal),
    ("ne", np.not_equal),
    ("lt", np.less),
    ("le", np.less_equal),
    ("gt", np.greater),
    ("ge", np.greater_equal),
):
    case(_op, _f, SPECIAL, SPECIAL[::-1].copy(), grad=False)
    case(_op, _f, normal(2, 3), normal(3), grad=False)
    case(_op, _f, INT8, 1)
    case(_op, _f, SPECIAL, 0.5, grad=False)
case("eq", np.equal, np.array([1 + 1j, 2]), np.array([1 + 1j, 2 + 1j]), grad=False)

_mask = np.array([[True, False, True], [False, False, True]])
case("where", np.where, _mask, normal(2, 3), normal(3))
case("where", np.where, _mask, normal(2, 3), 0)
case("where", np.where, _mask, 0, normal(2, 3))
case("where", np.where, _mask, 2.5, normal(3))
case("where", np.where, _mask, complexes(2, 3), 0)
case("where", lambda m, a, b: np.where(m, a, np.int8(b)), _mask[0], INT8[:3], 7)
case("where", np.where, _mask, np.array([[np.inf, np.nan, 1], [np.nan, np.inf, -np.inf]]), 0, grad=False)
case("where", np.where, _mask, ~_mask, False)
case("where", np.where, np.asarray(True), normal(2), normal(2))

_edge = np.array([-2.0, -1.0, 0.3, 1.0, 4.0])
case("clamp", np.clip, np.array([-2.0, -0.5, 0.3, 4.0]), -1, 1.5)
case("clamp", lambda x, lo, hi: np.maximum(x, lo), np.array([-2.0, -0.5, 0.3]), -1, None)
case("clamp", lambda x, lo, hi: np.minimum(x, hi), np.array([-2.0, -0.5, 0.3]), None, 0.1)
case("clamp", lambda x, lo, hi: np.minimum(np.maximum(x, lo), hi), _edge, between(-1.5, 0, 5), between(0.5, 2, 5))
case("clamp", lambda x, lo, hi: np.array([np.nan, 1, 1]), np.array([np.nan, 0, 3]), 2, 1, grad=False)
case("clamp", np.clip, INT8, -3, 3)
case("lerp", lambda a, b, w: a + w * (b - a), normal(2, 3), normal(2, 3), 0.3)
case("lerp", lambda a, b, w: a + w * (b - a), normal(2, 3), normal(3), between(0, 1, 2, 1))
case("lerp", lambda a, b, w: a + w * (b - a), complexes(3), complexes(3), complexes(3))

# Activations.
_x = np.array([-2.0, -0.3, 0.4, 3.0])
case("relu", lambda x: np.where(x > 0, x, 0), _x)
case("relu", lambda x: np.array([0, np.inf, np.nan]), np.array([-np.inf, np.inf, np.nan]), grad=False)
case("relu", lambda x: np.maximum(x, 0), INT8)
case("threshold_backward", lambda g, y: np.where(y > 0, g, 0), normal(4), np.array([0, 1.0, -0.5, 2]))
case(
    "threshold_backward",
    lambda g, y: np.array([0, np.inf, 0, np.nan]),
    np.array([np.inf, np.inf, np.nan, np.nan]),
    np.array([0, 1.0, 0, 2]),
    grad=False,
)
case("leaky_relu", lambda x, slope: np.where(x > 0, x, slope * x), _x, slope=0.1)
case("elu", lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)), _x, alpha=1.3)
case(
    "elu",
    lambda x, alpha, scale, input_scale: scale * np.where(x > 0, x, alpha * np.expm1(x * input_scale)),
    _x,
    alpha=1.6,
    scale=1.05,
    input_scale=0.7,
)
case(
    "softplus",
    lambda x, beta, threshold: np.where(beta * x > threshold, x, np.log1p(np.exp(beta * x)) / beta),
    _x,
    beta=2.0,
    threshold=5.0,
)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * 0.5 * (1 + vector(math.erf)(x / math.sqrt(2)))


def gelu_slope(g, x, approximate="none"):
    h = 1e-5
    return g * (gelu(x + h, approximate) - gelu(x - h, approximate)) / (2 * h)


for _how in ("none", "tanh"):
    case("gelu", gelu, _x, approximate=_how)
    case("gelu", gelu, strided(normal(3, 5)), approximate=_how, grad=False)
    case("gelu_backward", gelu_slope, normal(4), _x, approximate=_how, tolerance=10)
