"""Elementwise ops and activations in ONNX."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.spec.dtypes import bool_, int64
from plugtorch.spec.program import Symbol

from .writer import computed, dtype_of, maps, wide_type

_UNARY = {
    "sqrt": "Sqrt", "exp": "Exp", "log": "Log", "sin": "Sin", "cos": "Cos", "tanh": "Tanh", "sigmoid": "Sigmoid",
    "erf": "Erf", "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh",
    "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "reciprocal": "Reciprocal", "mish": "Mish", "neg": "Neg",
    "abs": "Abs", "sign": "Sign",
}
_BINARY = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "maximum": "Max", "minimum": "Min", "pow": "Pow"}
_LOGICAL = {"add": "Or", "mul": "And", "maximum": "Or", "minimum": "And"}
_COMPARE = {"eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual"}


@maps(*_UNARY)
def unary(g, one):
    """One operand, one node of the same meaning."""
    if dtype_of(one) is bool_:
        return g.node("Identity", g.name(one.operands[0]))
    return computed(g, one, lambda x: g.node(_UNARY[one.op], x))


@maps(*_BINARY)
def binary(g, one):
    """Arithmetic; of bools logic."""
    if dtype_of(one) is bool_ and one.op in _LOGICAL:
        return g.node(_LOGICAL[one.op], *(g.name(o, bool_) for o in one.operands))
    return computed(g, one, lambda a, b: g.node(_BINARY[one.op], a, b))


@maps(*_COMPARE)
def compare(g, one):
    """Comparisons; a bool counts as 0 or 1."""
    return computed(g, one, lambda a, b: g.node(_COMPARE[one.op], a, b))


@maps("ne")
def not_equal(g, one):
    """Not equal."""
    return g.node("Not", computed(g, one, lambda a, b: g.node("Equal", a, b)))


@maps("where")
def where(g, one):
    """A choice; of bools and narrow integers by way of int64."""
    mask, *rest = one.operands
    dtype = one.outputs[0].dtype
    wide = wide_type(dtype)
    names = [g.cast(g.name(o), wide) if type(o) is Symbol and wide is not dtype else g.name(o, wide) for o in rest]
    found = g.node("Where", g.name(mask, bool_), *names)
    return found if wide is dtype else g.cast(found, dtype)


@maps("copy", "conj")
def same(g, one):
    """The operand itself; complex types are not written."""
    return g.node("Identity", g.name(one.operands[0]))


@maps("floor", "ceil")
def whole(g, one):
    """Rounding down or up; integers stay."""
    kind = "Identity" if not dtype_of(one).is_floating_point else one.op.capitalize()
    return g.node(kind, g.name(one.operands[0]))


@maps("round")
def rounded(g, one):
    """Rounding to the nearest, halves to even."""
    dtype, decimals = dtype_of(one), one.params.get("decimals", 0)
    x = g.name(one.operands[0])
    if not dtype.is_floating_point:
        if decimals >= 0:
            return g.node("Identity", x)
        raise NotImplementedError("round of integers to tens")
    if not decimals:
        return g.node("Round", x)
    scale = g.number(10.0 ** decimals, dtype)
    return g.node("Div", g.node("Round", g.node("Mul", x, scale)), scale)


@maps("expm1")
def exp_less_one(g, one):
    """``2 tanh(x/2) / (1 - tanh(x/2))`` near 0, where ``exp(x) - 1`` cancels."""
    def build(x):
        dtype = wide_type(dtype_of(one))
        half, unit = g.number(0.5, dtype), g.number(1, dtype)
        t = g.node("Tanh", g.node("Mul", x, half))
        near = g.node("Div", g.node("Add", t, t), g.node("Sub", unit, t))
        far = g.node("Sub", g.node("Exp", x), unit)
        return g.node("Where", g.node("Less", g.node("Abs", x), half), near, far)

    return computed(g, one, build)


@maps("log1p")
def log_of_one_more(g, one):
    """``log(u) x / (u - 1)`` with ``u = 1 + x`` near 0 (Higham, Accuracy and Stability, 1.14.1), else ``log(u)``."""
    def build(x):
        dtype = wide_type(dtype_of(one))
        unit = g.number(1, dtype)
        u = g.node("Add", x, unit)
        log, gap = g.node("Log", u), g.node("Sub", u, unit)
        none = g.node("Equal", gap, g.number(0, dtype))
        near = g.node("Where", none, x, g.node("Div", g.node("Mul", log, x), g.node("Where", none, unit, gap)))
        return g.node("Where", g.node("Less", g.node("Abs", x), g.number(0.5, dtype)), near, log)

    return computed(g, one, build)


def _floor_modulo(g, dtype, a, b):
    """The remainder with the sign of the divisor."""
    if not dtype.is_floating_point:
        return g.node("Mod", a, b)
    zero = g.number(0, dtype)
    r = g.node("Mod", a, b, fmod=1)
    other = g.node("Less", g.node("Mul", g.node("Sign", r), g.node("Sign", b)), zero)
    return g.node("Where", other, g.node("Add", r, b), r)


@maps("remainder")
def remainder(g, one):
    """The remainder with the sign of the divisor."""
    return computed(g, one, lambda a, b: _floor_modulo(g, wide_type(dtype_of(one)), a, b))


@maps("floor_divide")
def floor_divide(g, one):
    """``(a - remainder) / b``."""
    dtype = wide_type(dtype_of(one))

    def build(a, b):
        q = g.node("Div", g.node("Sub", a, _floor_modulo(g, dtype, a, b)), b)
        return g.node("Round", q) if dtype.is_floating_point else q

    return computed(g, one, build)


@maps("fmod")
def c_remainder(g, one):
    """The remainder with the sign of the dividend."""
    return computed(g, one, lambda a, b: g.node("Mod", a, b, fmod=1))


@maps("atan2")
def angle_of_point(g, one):
    """``atan(a / b)``, moved to the quadrant of the point (b, a)."""
    dtype = wide_type(dtype_of(one))

    def build(a, b):
        zero, turn = g.number(0, dtype), g.number(math.pi, dtype)
        below = g.node("Less", a, zero)
        upright = g.node("Equal", b, zero)
        safe = g.node("Where", upright, g.number(1, dtype), b)
        angle = g.node("Atan", g.node("Div", a, safe))
        moved = g.node("Where", below, g.node("Sub", angle, turn), g.node("Add", angle, turn))
        angle = g.node("Where", g.node("Less", b, zero), moved, angle)
        return g.node("Where", upright, g.node("Mul", g.node("Sign", a), g.number(math.pi / 2, dtype)), angle)

    return computed(g, one, build)


_BITS = {"bit_and": "And", "bit_or": "Or", "bit_xor": "Xor", "bit_not": "Not"}


@maps(*_BITS)
def bits(g, one):
    """Bitwise, and of bools logical."""
    dtype = dtype_of(one)
    kind = _BITS[one.op] if dtype is bool_ else f"Bitwise{_BITS[one.op]}"
    return g.node(kind, *(g.name(o, dtype) for o in one.operands))


@maps("shift_left", "shift_right")
def shifts(g, one):
    """Products with, or quotients rounded down by, powers of two, in int64 and in two halves, so that every power can be
    written; counts out of range give 0 or the sign."""
    dtype = dtype_of(one)
    a, b = (g.cast(g.name(o, dtype), int64) for o in one.operands)
    zero = g.number(0, int64)
    inside = g.node("And", g.node("GreaterOrEqual", b, zero), g.node("Less", b, g.number(8 * dtype.itemsize, int64)))
    b = g.node("Where", inside, b, zero)
    half = g.node("Div", b, g.number(2, int64))
    powers, found = g.constant(np.array([1 << i for i in range(33)], np.int64), "powers"), a
    for count in (half, g.node("Sub", b, half)):
        power = g.node("Gather", powers, count, axis=0)
        if one.op == "shift_left":
            found = g.node("Mul", found, power)
        else:
            found = g.node("Div", g.node("Sub", found, g.node("Mod", found, power)), power)
    outside = zero if one.op == "shift_left" else g.node("Where", g.node("Less", a, zero), g.number(-1, int64), zero)
    return g.cast(g.node("Where", inside, found, outside), dtype)


@maps("isnan")
def is_nan(g, one):
    """Whether nan; an integer never is."""
    return computed(g, one, lambda x: g.node("Not", g.node("Equal", x, x)))


@maps("square")
def square(g, one):
    """A product with itself."""
    return computed(g, one, lambda x: g.node("Mul", x, x))


@maps("rsqrt")
def reciprocal_root(g, one):
    """One over the square root."""
    return computed(g, one, lambda x: g.node("Reciprocal", g.node("Sqrt", x)))


@maps("relu")
def relu(g, one):
    """The part above 0."""
    dtype = dtype_of(one)
    return computed(g, one, lambda x: g.node("Relu", x) if dtype.is_floating_point else
                    g.node("Max", x, g.number(0, wide_type(dtype))))


@maps("leaky_relu")
def leaky_relu(g, one):
    """A small slope below 0."""
    return computed(g, one, lambda x: g.node("LeakyRelu", x, alpha=float(one.params["slope"])))


@maps("elu", when=lambda one, used, opset: one.params.get("scale", 1.0) == one.params.get("input_scale", 1.0) == 1)
def elu(g, one):
    """An exponential below 0."""
    return computed(g, one, lambda x: g.node("Elu", x, alpha=float(one.params["alpha"])))


@maps("softplus", when=lambda one, used, opset: one.params["beta"] == 1 and one.params["threshold"] >= 20)
def softplus(g, one):
    """``log(1 + exp(x))``; above a threshold of 20 that is x to the last digit of a float32."""
    return computed(g, one, lambda x: g.node("Softplus", x))


@maps("log_sigmoid")
def log_sigmoid(g, one):
    """``-softplus(-x)``."""
    return computed(g, one, lambda x: g.node("Neg", g.node("Softplus", g.node("Neg", x))))


@maps("silu")
def silu(g, one):
    """``x sigmoid(x)``."""
    return computed(g, one, lambda x: g.node("Mul", x, g.node("Sigmoid", x)))


@maps("gelu", when=lambda one, used, opset: opset >= 20)
def gelu(g, one):
    """The Gaussian error linear unit, exact or by tanh."""
    return computed(g, one, lambda x: g.node("Gelu", x, approximate=one.params.get("approximate", "none")))


@maps("clamp", when=lambda one, used, opset: all(o is None or type(o) in (int, float) for o in one.operands[1:]))
def clamp(g, one):
    """Limits, the upper one last."""
    def build(x, low, high):
        x = x if low is None else g.node("Max", x, low)
        return g.node("Identity", x) if high is None and low is None else x if high is None else g.node("Min", x, high)

    return computed(g, one, build)
