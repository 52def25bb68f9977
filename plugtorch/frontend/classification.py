"""What kind of number an element is: nan, infinite, its sign, its complex parts; and functions that turn on it."""

from __future__ import annotations

import math

from plugtorch.autograd.function import Function
from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import FLOAT, HALF, bool_

from .amp.casting import autocasts
from .bitwise import logical_and, logical_or
from .creation import ones_like, tensor
from .dispatch import as_number, common_dtype, float_like, is_tensor, moved_scalars, require_tensor, store, to_dtype
from .methods import exporter, inplace_twin, method
from .pointwise import cos, log, log1p, mul, sign, sin
from .selection import where
from .unsupported import refuse

__all__: list[str] = []
_export = exporter(__all__)


@_export
@method
def isnan(input):
    """Whether each element is nan, as bool."""
    return apply("ne", (input, input))


@_export
@method
def isinf(input):
    """Whether each element (or a part of it) is infinite, as bool."""
    if input.dtype.is_complex:
        return logical_or(isinf(input.real), isinf(input.imag))
    if input.dtype.category < FLOAT:
        return apply("ne", (input, input))
    return apply("isinf", (input,))


@_export
@method
def isfinite(input):
    """Whether each element is neither nan nor infinite, as bool."""
    if input.dtype.is_complex:
        return logical_and(isfinite(input.real), isfinite(input.imag))
    if input.dtype.category < FLOAT:
        return apply("eq", (input, input))
    return apply("isfinite", (input,))


def _signed_infinity(name, infinity):
    def function(input, *, out=None):
        refuse(name, require_tensor(input, name).dtype)
        if input.dtype.category < FLOAT:
            return store(out, apply("ne", (input, input)))
        return store(out, apply("eq", (input, infinity)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (f"Whether each element is {'minus ' if infinity < 0 else ''}infinity, as bool.\n\nRaises:\n"
                        "    RuntimeError: the dtype is complex.\n")
    return function


isposinf = _export(method(_signed_infinity("isposinf", math.inf)))
isneginf = _export(method(_signed_infinity("isneginf", -math.inf)))


@_export
@method
def isreal(input):
    """Whether the imaginary part of each element is zero, as bool; of real values always."""
    if require_tensor(input, "isreal").dtype.is_complex:
        return input.imag.eq(0)
    return ones_like(input, dtype=bool_)


class _Step(Function):
    """The unit step, which has no derivative."""

    generate_vmap_rule = True

    @staticmethod
    def forward(input, values):
        return where(input.eq(0), values, to_dtype(input.gt(0), values.dtype))

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing is kept."""

    @staticmethod
    def backward(ctx, grad):
        raise RuntimeError("derivative for aten::heaviside is not implemented")


@_export
@method
def heaviside(input, values, *, out=None):
    """The unit step: 0 under zero and of nan, 1 above, and ``values`` at zero. It has no derivative.

    Raises:
        RuntimeError: the dtypes differ, or are complex.
    """
    require_tensor(input, "heaviside")
    for x in (input, require_tensor(values, "heaviside", "values", 2)):
        refuse("heaviside", x.dtype)
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    if out is not None and out.dtype is not input.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    return store(out, _Step.apply(input, values))


inplace_twin(heaviside)


@_export
@method
def nan_to_num(input, nan=0.0, posinf=None, neginf=None, *, out=None):
    """nan and infinities replaced by numbers (by default 0 and the dtype's extremes)."""
    if require_tensor(input, "nan_to_num").dtype.category < FLOAT:
        return store(out, input.clone())
    from .info import finfo

    limits = finfo(input.dtype)
    y = where(isnan(input), _const(input, nan if nan is not None else 0.0), input)
    y = where(apply("eq", (y, math.inf)), _const(y, limits.max if posinf is None else posinf), y)
    return store(out, where(apply("eq", (y, -math.inf)), _const(y, limits.min if neginf is None else neginf), y))


def _const(like, number):
    return like.new_full((), number)


nan_to_num_ = _export(inplace_twin(nan_to_num))


# Complex parts.

@_export
@method
def conj(input):
    """Complex conjugate; a real tensor itself."""
    return apply("conj", (input,)) if input.dtype.is_complex else input


@_export
@method
@named("ConjPhysicalBackward0")
def conj_physical(input, *, out=None):
    """Complex conjugate, computed; a real tensor itself."""
    return store(out, conj(require_tensor(input, "conj_physical")))


conj_physical_ = _export(inplace_twin(conj_physical))
_POLAR = {"float16": "Half", "float32": "Float", "float64": "Double"}


@_export
@named("PolarBackward0")
@autocasts
def polar(abs, angle, *, out=None):
    """The complex numbers ``abs * (cos(angle) + i sin(angle))``; the operands broadcast, and are both float32 or both
    float64.

    Raises:
        RuntimeError: they have another dtype, or two.
    """
    dtypes = [require_tensor(x, "polar", name, n).dtype for n, (name, x) in enumerate((("abs", abs), ("angle", angle)), 1)]
    if any(d.name not in _POLAR for d in dtypes):
        raise RuntimeError("Expected both inputs to be Half, Float or Double tensors but got "
                           f"{dtypes[0].legacy} and {dtypes[1].legacy}")
    if dtypes[0] is not dtypes[1]:
        raise RuntimeError(f"Expected object of scalar type {dtypes[0].legacy} but got scalar type {dtypes[1].legacy} for "
                           "second argument")
    if dtypes[0] in HALF:
        raise NotImplementedError("\"polar_cpu\" not implemented for 'Half'")
    return store(out, apply("complex", (mul(abs, cos(angle)), mul(abs, sin(angle)))))


@_export
@method
def angle(input, *, out=None):
    """Angle in radians; of real values 0 or pi, nan for nan."""
    if require_tensor(input, "angle").dtype.is_complex:
        return store(out, apply("angle", (input,)))
    x = float_like(input)
    return store(out, where(x.lt(0), _const(x, math.pi), where(isnan(x), x, x * 0)))


@_export
@method
def sgn(input, *, out=None):
    """``input / abs(input)``, 0 at 0; sign of real values."""
    return store(out, apply("sgn", (input,)) if require_tensor(input, "sgn").dtype.is_complex else sign(input))


@_export
def is_complex(input):
    """Whether the dtype is complex."""
    return input.dtype.is_complex


@_export
def is_floating_point(input):
    """Whether the dtype is a floating one."""
    return input.dtype.is_floating_point


def _weighted(name, input, other, logarithm, edge, harmless):
    """``input * logarithm(other)``, 0 where input is 0 and other is not nan; rounded after each step, as PyTorch's."""
    operands = moved_scalars((as_number(input), as_number(other)))
    if not any(map(is_tensor, operands)):
        require_tensor(input, name)
    dtype = common_dtype(operands, True, name)
    refuse(name.removeprefix("special_"), dtype)
    device = next(o for o in operands if is_tensor(o)).device
    x, y = (to_dtype(o, dtype) if is_tensor(o) else tensor(o, dtype=dtype, device=device) for o in operands)
    infinite = logical_or(y.le(edge), y.eq(math.inf))  # elsewhere 0 times the logarithm is 0, and has its gradient
    y = where(logical_and(x.eq(0), infinite), _const(y, harmless), y)
    return mul(x, logarithm(y))


@_export
@method
def xlogy(input, other, *, out=None):
    """``input * log(other)``, 0 where input is 0 and other is not nan; one of them may be a number.

    Raises:
        NotImplementedError: the common dtype is complex.
        TypeError: neither is a tensor.
    """
    return store(out, _weighted("xlogy", input, other, log, 0, 1))


def xlog1py(input, other, *, out=None):
    """``input * log1p(other)``, 0 where input is 0 and other is not nan; one of them may be a number.

    Raises:
        NotImplementedError: the common dtype is complex.
        TypeError: neither is a tensor.
    """
    return store(out, _weighted("special_xlog1py", input, other, log1p, -1, 0))


sgn_, xlogy_ = _export(inplace_twin(sgn)), _export(inplace_twin(xlogy))
