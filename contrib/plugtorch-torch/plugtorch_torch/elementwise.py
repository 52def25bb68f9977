"""Elementwise ops: one function of PyTorch each."""

from __future__ import annotations

import inspect
import operator

import torch
import torch.nn.functional as F

from plugtorch.spec import OPS
from plugtorch.spec.abstract import is_number
from plugtorch.spec.dtypes import INT
from plugtorch.spec.xp.base import wrap_integer

UNARY = {
    "neg": torch.neg, "abs": torch.abs, "sign": torch.sign, "floor": torch.floor, "sqrt": torch.sqrt, "exp": torch.exp,
    "expm1": torch.expm1, "log": torch.log, "log1p": torch.log1p, "sin": torch.sin, "cos": torch.cos, "tanh": torch.tanh,
    "bit_not": torch.bitwise_not, "isnan": torch.isnan, "isinf": torch.isinf, "isfinite": torch.isfinite,
    "zeros_like": torch.zeros_like, "ones_like": torch.ones_like, "ceil": torch.ceil, "trunc": torch.trunc,
    "square": torch.square, "reciprocal": torch.reciprocal, "rsqrt": torch.rsqrt, "tan": torch.tan, "asin": torch.asin,
    "acos": torch.acos, "atan": torch.atan, "sinh": torch.sinh, "cosh": torch.cosh, "asinh": torch.asinh,
    "acosh": torch.acosh, "atanh": torch.atanh, "exp2": torch.exp2, "log2": torch.log2, "log10": torch.log10,
    "erf": torch.erf, "sgn": torch.sgn, "angle": torch.angle, "relu": torch.relu, "sigmoid": torch.sigmoid,
    "log_sigmoid": F.logsigmoid, "silu": F.silu, "mish": F.mish,
}
# Functions whose second operand may be a number.
BINARY = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "pow": torch.pow,
    "maximum": torch.maximum, "minimum": torch.minimum, "atan2": torch.atan2, "copysign": torch.copysign,
    "bit_and": torch.bitwise_and,
    "bit_or": torch.bitwise_or, "bit_xor": torch.bitwise_xor, "shift_left": torch.bitwise_left_shift,
    "shift_right": torch.bitwise_right_shift, "eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le,
    "gt": torch.gt, "ge": torch.ge, "hypot": torch.hypot, "logaddexp": torch.logaddexp,
    "floor_divide": torch.floor_divide, "remainder": torch.remainder, "fmod": torch.fmod,
}
# Of these, what takes no number, or rounds it otherwise than the spec says.
ARRAYS_ONLY = frozenset({"maximum", "minimum", "atan2", "copysign", "hypot", "logaddexp"})


def _named(name, body):
    """A method with the op's signature."""
    body.__name__ = name
    signature = OPS[name].signature
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    body.__signature__ = signature.replace(parameters=[first, *signature.parameters.values()])
    return body


def _unary(name, f):
    return _named(name, lambda self, x: f(x))


def _binary(name, f):
    def kernel(self, a, b):
        if is_number(b):
            b = self._number(b, a, name in ARRAYS_ONLY)
        elif is_number(a):
            a = self._number(a, b, True)
        return f(a, b)

    return _named(name, kernel)


def _dividing(name, f):
    def kernel(self, a, b):
        whole = self.dtype_of(a if is_number(b) else b).category <= INT
        if whole and (b == 0 if is_number(b) else bool((b == 0).any())):
            raise ZeroDivisionError(f"ZeroDivisionError: integer {name} by zero")
        return general(self, a, b)

    general = _binary(name, f)
    return _named(name, kernel)


class Elementwise:
    """Functions of one element at a time."""

    def _number(self, value, like, as_array):
        """A number as an operand next to an array: integers wrap to the array's width."""
        dtype = self.dtype_of(like)
        if dtype.category == INT and isinstance(value, int):
            value = wrap_integer(value, dtype)
        return torch.scalar_tensor(value, dtype=like.dtype, device=like.device) if as_array else value

    def round(self, x, *, decimals=0):
        if not x.dtype.is_floating_point:
            return x.clone()
        return torch.round(x, decimals=decimals)

    def conj(self, x):
        return torch.conj_physical(x) if x.is_complex() else x

    def real(self, x):
        return x.real

    def imag(self, x):
        return x.imag

    def complex(self, a, b):
        if a.dtype.itemsize == 2:
            a, b = a.float(), b.float()
        return torch.complex(a, b)

    def where(self, m, a, b):
        like = b if is_number(a) else a
        return torch.where(m, *(self._number(v, like, True) if is_number(v) else v for v in (a, b)))

    def mul_conj(self, a, b):
        return a * (b.conjugate() if is_number(b) else torch.conj(b))

    def clamp(self, x, lo, hi):
        return torch.clamp(x, lo, hi)

    def lerp(self, a, b, w):
        return torch.lerp(a, b, w)

    def threshold_backward(self, g, y):
        return torch.ops.aten.threshold_backward(g, y, 0)

    def leaky_relu(self, x, *, slope):
        return F.leaky_relu(x, slope)

    def elu(self, x, *, alpha, scale=1.0, input_scale=1.0):
        return torch.ops.aten.elu(x, alpha, scale, input_scale)

    def softplus(self, x, *, beta, threshold):
        return F.softplus(x, beta, threshold)

    def gelu(self, x, *, approximate="none"):
        return F.gelu(x, approximate=approximate)

    def gelu_backward(self, g, x, *, approximate="none"):
        return torch.ops.aten.gelu_backward(g, x, approximate=approximate)

    def softmax(self, x, *, axis):
        return torch.softmax(x, axis)

    def softmax_backward(self, g, y, *, axis):
        return torch.ops.aten._softmax_backward_data(g, y, axis, y.dtype)

    def log_softmax(self, x, *, axis):
        return torch.log_softmax(x, axis)

    def log_softmax_backward(self, g, y, *, axis):
        return torch.ops.aten._log_softmax_backward_data(g, y, axis, y.dtype)

    def logsumexp(self, x, *, axis, keepdims=False):
        return torch.logsumexp(x, axis, keepdim=keepdims) if axis else x.clone()


for _name, _f in UNARY.items():
    setattr(Elementwise, _name, _unary(_name, _f))
for _name, _f in BINARY.items():
    make = _dividing if _name in ("floor_divide", "remainder", "fmod") else _binary
    setattr(Elementwise, _name, make(_name, _f))
