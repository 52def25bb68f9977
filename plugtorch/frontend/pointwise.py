"""Elementwise functions: arithmetic, comparison, logic, bits, and the mathematical functions."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.autograd.aliasing import FILL, ZERO, check_inplace, replace
from plugtorch.autograd.base import wrap
from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply, common_backend, finish
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import BOOL, COMPLEX, FLOAT, INT
from plugtorch.spec.op import OPS
from plugtorch.spec.xp.base import wrap_integer

from . import operators
from .creation import as_tensor
from .dispatch import (
    NUMBERS,
    as_number,
    common_dtype,
    elementwise,
    float_like,
    inplace,
    is_tensor,
    moved_scalars,
    promoted,
    require_tensor,
    store,
    to_dtype,
    transfer_like,
    update,
)
from .methods import inplace_twin, method
from .tensor import Tensor
from .unsupported import check_alpha, check_number_fits, refuse

__all__: list[str] = []


def _export(function):
    __all__.append(function.__name__)
    return function


# Unary functions: name -> (op, what integers become, categories refused).
_FLOATING = "float"  # integers are computed in the default dtype
_SAME = "same"
UNARY = {
    **{name: (name, _FLOATING) for name in (
        "sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
        "cosh", "tanh", "asinh", "acosh", "atanh", "exp2", "reciprocal", "rsqrt", "sigmoid", "erf")},
    **{name: (name, _SAME) for name in ("neg", "abs", "sign", "floor", "ceil", "trunc", "square")},
}
ALIASES = {
    "negative": "neg", "absolute": "abs", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "fix": "trunc", "subtract": "sub", "multiply": "mul", "divide": "div",
    "true_divide": "div", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le", "not_equal": "ne",
    "clip": "clamp", "arctan2": "atan2",
}
REFUSED = {
    "neg": ((BOOL,), "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a "
                     "mask, use the `~` or `logical_not()` operator instead."),
    "abs": ((BOOL,), "\"abs_cpu\" not implemented for 'Bool'"),
    "floor": ((BOOL, COMPLEX), "floor is not supported for {dtype} inputs"),
    "ceil": ((BOOL, COMPLEX), "ceil is not supported for {dtype} inputs"),
    "trunc": ((BOOL, COMPLEX), "trunc is not supported for {dtype} inputs"),
    "sign": ((COMPLEX,), "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn "
                         "instead."),
    "erf": ((COMPLEX,), "\"erf_vml_cpu\" not implemented for '{legacy}'"),
}


def _unary(name, op_name, kind):
    op = OPS[op_name]
    floating = kind == _FLOATING
    refused, message = REFUSED.get(name, ((), ""))

    def function(input, *, out=None):
        require_tensor(input, name)
        x = input
        k = x._k
        category = k.dtype_of(x._a).category
        if category < FLOAT:
            if floating:
                x = float_like(x)
            elif category in refused:
                raise (RuntimeError if name == "neg" else NotImplementedError)(message.format(dtype=x.dtype.name))
            elif name == "square" and category == BOOL:
                x = to_dtype(x, dtypes.int64)
        elif category in refused:
            raise NotImplementedError(message.format(dtype=x.dtype.name, legacy=x.dtype.legacy))
        y = finish(op, k, (x,), (x._a,), {}, 1 if x._req else 0)
        return y if out is None else store(out, y)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = op.doc
    return function


def _define_unary():
    for name, (op_name, kind) in UNARY.items():
        function = _unary(name, op_name, kind)
        globals()[name] = _export(function)
        method(function)
        plain = function

        def twin(self, _name=op_name, _function=plain):
            return update(self, _name, _function)

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
    if input.dtype.category == BOOL:
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
    check_alpha(common_dtype((input, as_number(other))), alpha)
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
    negative = logical_and(r.ne(0), _lt_zero(operands[0]) ^ _lt_zero(operands[1]))
    return store(out, q + negative.to(q.dtype))


def _lt_zero(v):
    return v.lt(0) if is_tensor(v) else v < 0


def _integer_op(name, operands):
    dtype = common_dtype(tuple(as_number(o) for o in operands))
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
    return store(out, _integer_op("fmod", (input, other)))


@_export
@method
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


def _is_operand(value):
    return is_tensor(value) or isinstance(value, (*NUMBERS, np.generic))


def _swapped(function):
    return lambda self, other: function(as_number(other), self) if _is_operand(other) else NotImplemented


def _operator(function):
    def op(self, other):
        if not _is_operand(other):
            return NotImplemented
        return function(self, other)

    return op


Tensor.__pow__, Tensor.__rpow__ = _operator(pow), _swapped(pow)
Tensor.__floordiv__, Tensor.__rfloordiv__ = _operator(floor_divide), _swapped(floor_divide)
Tensor.__mod__, Tensor.__rmod__ = _operator(remainder), _swapped(remainder)

# Two-operand functions that follow the ordinary promotion.
BINARY = {"atan2": ("atan2", True), "hypot": ("hypot", False), "logaddexp": ("logaddexp", False),
          "maximum": ("maximum", False), "minimum": ("minimum", False)}


def _binary(name, op_name, to_float):
    def function(input, other, *, out=None):
        require_tensor(input, name)
        if not is_tensor(other):
            raise TypeError(f"{name}(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}")
        if name in ("maximum", "minimum"):
            if common_dtype((input, other)).category == COMPLEX:
                raise RuntimeError(f"{name} not implemented for complex tensors.")
        return store(out, elementwise(op_name, (input, other), None, to_float))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = OPS[op_name].doc
    return function


for _name, (_op, _float) in BINARY.items():
    globals()[_name] = _export(method(_binary(_name, _op, _float)))
    if _name in ("atan2", "hypot"):
        globals()[_name + "_"] = _export(inplace_twin(globals()[_name]))


# Comparison.

def _comparison(name):
    ordered = name not in ("eq", "ne")

    def function(input, other, *, out=None):
        if not _is_operand(other):
            raise TypeError(f"{name}(): argument 'other' must be Tensor or Number, not {type(other).__name__}")
        operands = moved_scalars((input, as_number(other)))
        dtype = common_dtype(operands)
        if ordered and dtype.category == COMPLEX:
            raise NotImplementedError(f'"{name}_cpu" not implemented for \'{dtype.legacy}\'')
        arrays, mask = promoted(operands, dtype)
        if dtype.category == INT:
            arrays = [wrap_integer(a, dtype) if type(a) is int else a for a in arrays]
        return store(out, finish(OPS[name], common_backend(operands), operands, arrays, {}, mask))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = OPS[name].doc

    def operator(self, other):
        if _is_operand(other):
            return function(self, other)
        if not ordered and isinstance(other, np.ndarray):
            return function(self, transfer_like(as_tensor(other), self))
        return NotImplemented

    return function, operator


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    _function, _dunder = _comparison(_name)
    globals()[_name] = _export(method(_function))
    setattr(Tensor, f"__{_name}__", _dunder)
    globals()[_name + "_"] = _export(inplace_twin(_function))
Tensor.__hash__ = object.__hash__


# Logic and bits.

def _as_bool(x):
    return to_dtype(x, dtypes.bool_) if is_tensor(x) else bool(x)


@_export
@method
def logical_not(input, *, out=None):
    """Whether each element is zero, as bool."""
    return store(out, apply("bit_not", (_as_bool(input),)))


def _logical(name, op_name):
    def function(input, other, *, out=None):
        require_tensor(other, name, "other")
        return store(out, elementwise(op_name, (_as_bool(input), _as_bool(other))))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name.replace('_', ' ').capitalize()} of the truth of each element, as bool."
    return function


for _name, _op in {"logical_and": "bit_and", "logical_or": "bit_or", "logical_xor": "bit_xor"}.items():
    globals()[_name] = _export(method(_logical(_name, _op)))
    globals()[_name + "_"] = _export(inplace_twin(globals()[_name]))
logical_and, logical_or, logical_xor = (globals()[f"logical_{name}"] for name in ("and", "or", "xor"))
logical_not_ = _export(inplace_twin(logical_not))


def _bitwise(name, op_name):
    def function(input, other, *, out=None):
        if common_dtype((input, as_number(other)) if is_tensor(input) or is_tensor(other) else ()).category >= FLOAT:
            bad = common_dtype((input, as_number(other))).legacy
            raise NotImplementedError(f'"{name}_cpu" not implemented for \'{bad}\'')
        return store(out, elementwise(op_name, (input, other)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = OPS[op_name].doc
    return function


for _name, _op, _dunder in (
    ("bitwise_and", "bit_and", "and"), ("bitwise_or", "bit_or", "or"), ("bitwise_xor", "bit_xor", "xor"),
    ("bitwise_left_shift", "shift_left", "lshift"), ("bitwise_right_shift", "shift_right", "rshift"),
):
    _function = globals()[_name] = _export(method(_bitwise(_name, _op)))
    globals()[_name + "_"] = _export(inplace_twin(_function))
    setattr(Tensor, f"__{_dunder}__", _operator(_function))
    setattr(Tensor, f"__r{_dunder}__", _swapped(_function))


@_export
@method
def bitwise_not(input, *, out=None):
    """Every bit inverted; logical not of bools."""
    if input.dtype.category >= FLOAT:
        raise NotImplementedError(f"\"bitwise_not_cpu\" not implemented for '{input.dtype.legacy}'")
    return store(out, apply("bit_not", (input,)))


bitwise_not_ = _export(inplace_twin(bitwise_not))


def _invert(self):
    if self.dtype.category >= FLOAT:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return bitwise_not(self)


Tensor.__invert__ = _invert


# Rounding, clamping, mixing.

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
    refuse("frac", input.dtype)
    return store(out, input - globals()["trunc"](input))


frac_ = _export(inplace_twin(frac))


@_export
@method
def clamp(input, min=None, max=None, *, out=None):
    """Limits each element to [min, max]; bounds are numbers, tensors or None.

    Raises:
        RuntimeError: both bounds are None.
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if None not in (min, max) and is_tensor(min) is not is_tensor(max):
        raise TypeError("clamp() received an invalid combination of arguments: 'min' and 'max' must both be Tensor or both "
                        f"Number, got ({type(min).__name__}, {type(max).__name__})")
    operands = moved_scalars((require_tensor(input, "clamp"), as_number(min), as_number(max)))
    dtype = common_dtype(operands)
    if dtype.category == COMPLEX:
        raise NotImplementedError("clamp is not supported for complex types")
    if dtype.category == BOOL and not (is_tensor(min) or is_tensor(max)):
        raise NotImplementedError("\"clamp_min_scalar_cpu\" not implemented for 'Bool'")
    arrays, mask = promoted(operands, dtype)
    bounds = [b for b in arrays[1:] if isinstance(b, float) and math.isnan(b)]
    if bounds:
        return store(out, input * math.nan)
    return store(out, finish(OPS["clamp"], common_backend(operands), operands, arrays, {}, mask))


clamp_ = _export(inplace_twin(clamp))


@_export
@method
@named("ClampMinBackward0")
def clamp_min(input, min, *, out=None):
    """Limits from below."""
    return clamp(input, min, None, out=out)


@_export
@method
@named("ClampMaxBackward0")
def clamp_max(input, max, *, out=None):
    """Limits from above."""
    return clamp(input, None, max, out=out)


clamp_min_, clamp_max_ = _export(inplace_twin(clamp_min)), _export(inplace_twin(clamp_max))


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
def addcmul(input, tensor1, tensor2, *, value=1, out=None):
    """``input + value * tensor1 * tensor2``."""
    refuse("addcmul", common_dtype((input, tensor1, tensor2)))
    product = tensor1 * tensor2
    return store(out, input + (product if value == 1 else product * value))


@_export
@method
@named("AddcdivBackward0")
def addcdiv(input, tensor1, tensor2, *, value=1, out=None):
    """``input + value * tensor1 / tensor2``."""
    if common_dtype((tensor1, tensor2)).category < FLOAT:
        raise RuntimeError("Integer division with addcdiv is no longer supported: convert the operands to a floating dtype, "
                           "or divide first with rounding_mode='trunc'")
    quotient = tensor1 / tensor2
    return store(out, input + (quotient if value == 1 else quotient * value))


addcmul_, addcdiv_ = _export(inplace_twin(addcmul)), _export(inplace_twin(addcdiv))


@_export
def where(condition, input=None, other=None, *, out=None):
    """``input`` where the condition holds, else ``other``; with one argument the coordinates of true elements."""
    if input is None and other is None:
        from .indexing import nonzero

        return nonzero(condition, as_tuple=True)
    if condition.dtype.category != BOOL:
        if condition.dtype is not dtypes.uint8:
            raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype "
                               f"{condition.dtype.legacy}")
        condition = to_dtype(condition, dtypes.bool_)
    operands = moved_scalars((condition, as_number(input), as_number(other)))
    condition, values = operands[0], operands[1:]
    dtype = common_dtype(values)
    arrays, mask = promoted(values, dtype)
    k = common_backend(operands)
    if not any(is_tensor(v) for v in values):
        arrays[0] = k.full(shape=(), value=arrays[0], dtype=dtype, device=condition.device)
    return store(out, finish(OPS["where"], k, operands, [condition._a, *arrays], {}, mask << 1))


@method(name="where")
def _where_method(self, condition, y=0):
    """``self`` where the condition holds, else ``y``."""
    return where(condition, self, y)


@_export
@method
@named(lambda input, mask, value: f"MaskedFillBackward{int(is_tensor(value))}")
def masked_fill(input, mask, value):
    """``value`` where the mask is true.

    Raises:
        RuntimeError: the mask is not bool, or the value does not fit the dtype.
    """
    if mask.dtype.category != BOOL:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype.name}")
    value = as_number(value)
    if is_tensor(value):
        if value.dim():
            raise RuntimeError(f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                               f"{value.dim()} dimension(s).")
        if value.dtype.category == COMPLEX > input.dtype.category:
            raise RuntimeError(f"value cannot be converted to type {input.dtype.name} without overflow")
        return where(mask, to_dtype(value, input.dtype), input)
    check_number_fits(value, input.dtype)
    if input.dtype.category == BOOL:
        value = bool(value)
    elif input.dtype.category == INT:
        value = int(value)
    return where(mask, value, input) if input.dim() else where(mask, _zero_dim(value, input), input)


def _zero_dim(value, like):
    from .creation import full_like

    return full_like(like, value)


masked_fill_ = _export(inplace_twin(masked_fill))


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
for _dunder, _function in {"iadd": add_, "isub": sub_, "imul": mul_, "itruediv": div_,
                           "ifloordiv": globals()["floor_divide_"], "imod": globals()["remainder_"],
                           "ipow": globals()["pow_"], "iand": globals()["bitwise_and_"],
                           "ior": globals()["bitwise_or_"], "ixor": globals()["bitwise_xor_"]}.items():
    setattr(Tensor, f"__{_dunder}__", _function)

for _alias, _name in ALIASES.items():
    globals()[_alias] = globals()[_name]
    setattr(Tensor, _alias, globals()[_name])
    __all__.append(_alias)
    if _name + "_" in globals():
        setattr(Tensor, _alias + "_", globals()[_name + "_"])
        globals()[_alias + "_"] = globals()[_name + "_"]
        __all__.append(_alias + "_")


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
@method
def zero_(self):
    """Writes zeros into every element."""
    return _fill(self, 0, ZERO)
