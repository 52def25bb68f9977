"""Elementwise functions: arithmetic, rounding, and the mathematical functions."""

from __future__ import annotations

import math

from plugtorch.autograd.aliasing import FILL, ZERO, check_inplace, replace
from plugtorch.autograd.base import wrap
from plugtorch.autograd.mode import AUTOCAST, mode
from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply, finish
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import BOOL, COMPLEX, FLOAT, INT
from plugtorch.spec.op import OPS

from . import operators
from .amp.casting import autocasts, recast
from .amp.lists import EVERY
from .dispatch import (
    NUMBERS,
    as_number,
    common_dtype,
    elementwise,
    float_like,
    inplace,
    is_tensor,
    require_tensor,
    rounded_once,
    store,
    to_dtype,
    update,
)
from .methods import add_aliases, exporter, inplace_twin, method, operator, swapped_operator
from .tensor import Tensor
from .unsupported import check_alpha, check_number_fits, refuse, refused_categories

__all__: list[str] = []
_export = exporter(__all__)


# Functions of one tensor that are one op of their name: those whose integers become the default dtype, and those that
# keep them.
FLOATING = (
    "sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
    "tanh", "asinh", "acosh", "atanh", "exp2", "reciprocal", "rsqrt", "sigmoid", "erf", "sinc",
)
KEEPING = ("neg", "abs", "sign", "floor", "ceil", "trunc", "square")
# Functions of two, by the ordinary promotion: name -> (integers become the default dtype, the second operand may be a
# number, there is an in-place form)
BINARY = {
    "atan2": (True, False, True),
    "copysign": (True, True, True),
    "hypot": (False, False, True),
    "maximum": (False, False, False),
    "minimum": (False, False, False),
}


def _unary(name, to_float):
    op, refused, listed = OPS[name], refused_categories(name), name in EVERY

    def function(input, *, out=None):
        if listed and mode() & AUTOCAST:
            return recast(name, function, input, out=out)
        require_tensor(input, name)
        x = input
        k = x._k
        category = k.dtype_of(x._a).category
        if category in refused:
            refuse(name, x.dtype)
        if category < FLOAT:
            if to_float:
                x = float_like(x)
            elif name == "square" and category == BOOL:
                x = to_dtype(x, dtypes.int64)
        y = finish(op, k, (x,), (x._a,), {}, 1 if x._req else 0)
        return y if out is None else store(out, y)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = op.doc
    return function


def _define_unary():
    for name in (*FLOATING, *KEEPING):
        function = _unary(name, name in FLOATING)
        globals()[name] = _export(function)
        method(function)
        plain = function

        def twin(self, _name=name, _function=plain):
            try:
                return update(self, _name, _function)
            except AttributeError:
                require_tensor(self, _name + "_")
                raise

        twin.__name__ = name + "_"
        twin.__doc__ = f"In-place version of :func:`{name}`."
        method(twin)
        globals()[name + "_"] = _export(twin)


_define_unary()
Tensor.__neg__ = globals()["neg"]
Tensor.__abs__ = globals()["abs"]
Tensor.__pos__ = lambda self: self


@_export
@method
def positive(input):
    """The tensor itself; bool is refused."""
    if require_tensor(input, "positive").dtype.category == BOOL:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


# Binary arithmetic.

def _refuse_bool_sub(a, b):
    def is_bool(v):
        return isinstance(v, bool) if not is_tensor(v) else v.dtype.category == BOOL

    if is_bool(a) and is_bool(b):
        raise RuntimeError("Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                           "`logical_xor()` operator instead.")
    if is_bool(a) or is_bool(b):
        raise RuntimeError("Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
                           "invert a mask, use the `~` or `logical_not()` operator instead.")


def _sub(name, operands, params, to_float):
    _refuse_bool_sub(*operands)
    return elementwise("sub", operands)


operators.CHECKED["sub"] = _sub


def _scaled(input, other, alpha):
    if type(alpha) is int and alpha == 1:
        return other
    check_alpha(common_dtype((input, as_number(other)), function="add"), alpha)
    if alpha == 1:
        return other
    if is_tensor(other) and is_tensor(input) and input.dtype.category == BOOL == other.dtype.category:
        return to_dtype(other * alpha, dtypes.bool_)
    return other * alpha if is_tensor(other) else as_number(other) * alpha


@_export
@method
def add(input, other, *, alpha=1, out=None):
    """``input + alpha * other``."""
    return store(out, elementwise("add", (input, _scaled(input, other, alpha))))


@_export
@method
def sub(input, other, *, alpha=1, out=None):
    """``input - alpha * other``. Bool is refused."""
    _refuse_bool_sub(input, other)
    return store(out, elementwise("sub", (input, _scaled(input, other, alpha))))


@_export
@method
def rsub(input, other, *, alpha=1):
    """``other - alpha * input``."""
    require_tensor(input, "rsub")
    return sub(other if is_tensor(other) else full_like_number(input, other), input, alpha=alpha)


def full_like_number(t, number):
    from .creation import tensor

    return tensor(number, device=t.device)


@_export
@method
def mul(input, other, *, out=None):
    """``input * other``."""
    return store(out, elementwise("mul", (input, other)))


@_export
@method
def div(input, other, *, rounding_mode=None, out=None):
    """``input / other``; integers divide to the default dtype. ``rounding_mode`` "trunc" or "floor" rounds, and keeps
    integers.

    Raises:
        RuntimeError: another rounding mode.
    """
    if rounding_mode is None:
        return store(out, elementwise("div", (input, other), None, True))
    if rounding_mode == "floor":
        return store(out, floor_divide(input, other))
    if rounding_mode != "trunc":
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
                           f"'{rounding_mode}'")
    operands = (input, as_number(other))
    dtype = common_dtype(operands)
    if dtype.category >= FLOAT:
        return store(out, globals()["trunc"](elementwise("div", operands)))
    q = _integer_op("floor_divide", operands)
    r = _integer_op("remainder", operands)
    negative = r.ne(0) & (_lt_zero(operands[0]) ^ _lt_zero(operands[1]))
    return store(out, q + negative.to(q.dtype))


def _lt_zero(v):
    return v.lt(0) if is_tensor(v) else v < 0


def _integer_op(name, operands):
    dtype = common_dtype(tuple(as_number(o) for o in operands), function=name)
    if dtype.category in (BOOL, COMPLEX):
        kernel = "div_floor" if name == "floor_divide" else name
        raise NotImplementedError(f"\"{kernel}_cpu\" not implemented for '{dtype.legacy}'")
    try:
        return elementwise(name, operands)
    except ZeroDivisionError as error:
        raise RuntimeError("ZeroDivisionError") from error


@_export
@method
def floor_divide(input, other, *, out=None):
    """The quotient rounded toward minus infinity."""
    return store(out, _integer_op("floor_divide", (input, other)))


@_export
@method
def remainder(input, other, *, out=None):
    """The remainder with the divisor's sign; the input or the divisor may be a number."""
    return store(out, _integer_op("remainder", (input, other)))


@_export
@method
def fmod(input, other, *, out=None):
    """The remainder with the dividend's sign."""
    return store(out, _integer_op("fmod", (require_tensor(input, "fmod"), other)))


@_export
@method
@autocasts
def pow(input, exponent, *, out=None):
    """``input ** exponent``.

    Raises:
        RuntimeError: an integer tensor to a negative number.
    """
    if not is_tensor(exponent) and is_tensor(input):
        exponent = as_number(exponent)
        if input.dtype.category <= INT and isinstance(exponent, int) and exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
        if input.dtype.category == BOOL and isinstance(exponent, bool):
            return store(out, input.clone() if exponent else full_like_number(input, True).expand(*input._a.shape).clone())
        if input.dtype.category == BOOL and isinstance(exponent, int):
            input = to_dtype(input, dtypes.int64)
    return store(out, elementwise("pow", (input, exponent)))


Tensor.__pow__, Tensor.__rpow__ = operator(pow), swapped_operator(pow)
Tensor.__floordiv__, Tensor.__rfloordiv__ = operator(floor_divide), swapped_operator(floor_divide)
Tensor.__mod__, Tensor.__rmod__ = operator(remainder), swapped_operator(remainder)


def _binary(name, to_float, allows_number):
    def function(input, other, *, out=None):
        require_tensor(input, name)
        if not allows_number:
            require_tensor(other, name, "other", 2)
        return store(out, elementwise(name, (input, other), None, to_float))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = OPS[name].doc
    if allows_number:
        node = name.capitalize()
        function = named(lambda input, other, out=None: f"{node}Backward{int(not is_tensor(other))}")(function)
    return autocasts(function) if name in EVERY else function


for _name, (_to_float, _allows_number, _in_place) in BINARY.items():
    globals()[_name] = _export(method(_binary(_name, _to_float, _allows_number)))
    if _in_place:
        globals()[_name + "_"] = _export(inplace_twin(globals()[_name]))


# Powers, degrees.

@_export
@method
def float_power(input, exponent, *, out=None):
    """``input ** exponent`` in float64, or complex128 where one of them is complex; one of them may be a number.

    Raises:
        TypeError: neither is a tensor.
    """
    operands = as_number(input), as_number(exponent)
    if not any(map(is_tensor, operands)):
        require_tensor(input, "float_power")
    wide = dtypes.complex128 if _has_complex(operands) else dtypes.float64
    return store(out, pow(*(to_dtype(o, wide) if is_tensor(o) else o for o in operands)))


def _has_complex(operands):
    return any(o.dtype.is_complex if is_tensor(o) else isinstance(o, complex) for o in operands)


@_export
@method
def float_power_(self, exponent):
    """In-place version of :func:`float_power`.

    Raises:
        RuntimeError: the tensor is not of the dtype of the result, float64 or complex128.
    """
    wide = dtypes.complex128 if _has_complex((self, as_number(exponent))) else dtypes.float64
    if self.dtype is not wide:
        raise RuntimeError(f"the base given to float_power_ has dtype {self.dtype.legacy} but the operation's result "
                           f"requires dtype {wide.legacy}")
    return inplace(self, pow, to_dtype(exponent, wide) if is_tensor(exponent) else exponent)


def _angular(name, factor, doc):
    @named(f"{name.title()}Backward0")
    def function(input, *, out=None):
        refuse(name, require_tensor(input, name).dtype)
        return store(out, mul(float_like(input), factor))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


deg2rad = _export(method(_angular("deg2rad", math.pi / 180, "Degrees as radians; integers become the default dtype.")))
rad2deg = _export(method(_angular("rad2deg", 180 / math.pi, "Radians as degrees; integers become the default dtype.")))
deg2rad_, rad2deg_ = _export(inplace_twin(deg2rad)), _export(inplace_twin(rad2deg))


# Rounding, mixing.

@_export
@method
def round(input, *, decimals=0, out=None):
    """Nearest whole number (or multiple of ``10 ** -decimals``), halves to even."""
    refuse("round", require_tensor(input, "round").dtype)
    if decimals and input.dtype.category == INT:
        raise NotImplementedError(f"\"round_cpu\" not implemented for '{input.dtype.legacy}'")
    return store(out, apply("round", (input,), {"decimals": decimals}))


round_ = _export(inplace_twin(round))


@_export
@method
@named("FracBackward0")
def frac(input, *, out=None):
    """``input - trunc(input)``."""
    refuse("frac", require_tensor(input, "frac").dtype)
    return store(out, input - globals()["trunc"](input))


frac_ = _export(inplace_twin(frac))


@_export
@method
def lerp(input, end, weight, *, out=None):
    """``input + weight * (end - input)``; weight a number or a tensor."""
    for name, value in (("end", end), ("weight", weight)):
        if is_tensor(value) and value.dtype is not input.dtype:
            raise RuntimeError(f"expected dtype {input.dtype.name} for `{name}` but got dtype {value.dtype.name}")
    return store(out, elementwise("lerp", (input, end, weight)))


lerp_ = _export(inplace_twin(lerp))


@_export
@method
@named("AddcmulBackward0")
@rounded_once
@autocasts
def addcmul(input, tensor1, tensor2, *, value=1, out=None):
    """``input + value * tensor1 * tensor2``."""
    refuse("addcmul", common_dtype((input, tensor1, tensor2)))
    product = tensor1 * tensor2
    return store(out, input + (product if value == 1 else product * value))


@_export
@method
@named("AddcdivBackward0")
@rounded_once
@autocasts
def addcdiv(input, tensor1, tensor2, *, value=1, out=None):
    """``input + value * tensor1 / tensor2``."""
    if common_dtype((tensor1, tensor2)).category < FLOAT:
        raise RuntimeError("Integer division with addcdiv is no longer supported: convert the operands to a floating dtype, "
                           "or divide first with rounding_mode='trunc'")
    quotient = tensor1 / tensor2
    return store(out, input + (quotient if value == 1 else quotient * value))


addcmul_, addcdiv_ = _export(inplace_twin(addcmul)), _export(inplace_twin(addcdiv))


# In-place arithmetic: by a kernel that writes in place where it can.

@_export
@method
def add_(self, other, *, alpha=1):
    """In-place version of :func:`add`."""
    return update(self, "add", add, _scaled(self, other, alpha))


@_export
@method
def sub_(self, other, *, alpha=1):
    """In-place version of :func:`sub`."""
    _refuse_bool_sub(self, other)
    return update(self, "sub", sub, _scaled(self, other, alpha))


@_export
@method
def mul_(self, other):
    """In-place version of :func:`mul`."""
    return update(self, "mul", mul, other)


@_export
@method
def div_(self, other, *, rounding_mode=None):
    """In-place version of :func:`div`."""
    if rounding_mode is None and self.dtype.category >= FLOAT:
        return update(self, "div", div, other)
    return inplace(self, div, other, rounding_mode=rounding_mode)


for _name in ("pow", "floor_divide", "remainder", "fmod"):
    globals()[_name + "_"] = _export(inplace_twin(globals()[_name]))
for _dunder, _function in {"iadd": add_, "isub": sub_, "imul": mul_, "itruediv": div_, "idiv": div_,
                           "ifloordiv": globals()["floor_divide_"], "imod": globals()["remainder_"],
                           "ipow": globals()["pow_"]}.items():
    setattr(Tensor, f"__{_dunder}__", _function)

__all__ += add_aliases(globals(), {
    "negative": "neg", "absolute": "abs", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "fix": "trunc", "subtract": "sub", "multiply": "mul", "divide": "div",
    "true_divide": "div", "arctan2": "atan2",
})


@_export
@method
def fill_(self, value):
    """Writes one number into every element."""
    if is_tensor(value):
        if value.dim():
            raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.dim()} "
                               "dimensions.")
        return self.copy_(value)
    return _fill(self, value, FILL)


def _fill(self, value, node_plan):
    check_inplace(self, spread=True)
    if not isinstance(as_number(value), NUMBERS):
        raise TypeError(f"fill_(): argument 'value' must be Tensor or Number, not {type(value).__name__}")
    k = self._k
    check_number_fits(as_number(value), self.dtype)
    array = k.full(shape=tuple(self._a.shape), value=as_number(value), dtype=self.dtype, device=self.device)
    return replace(self, wrap(array, k), blank=node_plan)


@_export
@named(lambda input, value: f"FillBackward{int(is_tensor(value))}")
def fill(input, value):
    """A tensor of the shape and dtype of ``input`` with one number, or a tensor of no dimensions, in every element.

    Raises:
        RuntimeError: the value has dimensions, or does not fit the dtype.
    """
    return fill_(require_tensor(input, "fill").clone(), value)


@_export
@method
def zero_(self):
    """Writes zeros into every element."""
    return _fill(self, 0, ZERO)
