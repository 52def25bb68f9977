"""Arithmetic of quantised tensors: dequantised, computed in float32, quantised with the scale of the result."""

from __future__ import annotations

from plugtorch.frontend import functions as fn
from plugtorch.frontend.quantized.tensor import Quantizer, integers_of, quantized

from .utils import quantize, values

__all__ = ["add", "add_relu", "add_scalar", "cat", "matmul", "mul", "mul_scalar"]


def add(x, y, scale, zero_point):
    """``x + y``."""
    return quantize(values(x, "add") + values(y, "add"), scale, zero_point, x.dtype)


def add_relu(x, y, scale, zero_point):
    """``relu(x + y)``."""
    return quantize(fn.relu(values(x, "add_relu") + values(y, "add_relu")), scale, zero_point, x.dtype)


def mul(x, y, scale, zero_point):
    """``x y``."""
    return quantize(values(x, "mul") * values(y, "mul"), scale, zero_point, x.dtype)


def matmul(x, y, scale, zero_point):
    """The matrix product."""
    return quantize(fn.matmul(values(x, "matmul"), values(y, "matmul")), scale, zero_point, x.dtype)


def cat(tensors, scale, zero_point, dim=0):
    """Tensors joined along a dimension."""
    return quantize(fn.cat([values(t, "cat") for t in tensors], dim), scale, zero_point, tensors[0].dtype)


def _with(x, scale, zero_point, integers=None):
    q = x._quantizer
    return quantized(integers_of(x) if integers is None else integers, Quantizer(q.dtype, q.scheme, scale, zero_point))


def add_scalar(x, number):
    """``x + number``: the same integers with another zero point; where the dtype does not have that one, with the bounds
    moved and a scale that spans them."""
    values(x, "add_scalar")
    scale, zero_point, (low, high) = x.q_scale(), x.q_zero_point(), (x.dtype.smallest, x.dtype.largest)
    steps = int(round(number / scale))
    moved = zero_point - steps
    if low <= moved <= high:
        return _with(x, scale, moved)
    if moved < low:
        scale2, zero2 = (high - moved) / (high - low) * scale, low
    else:
        scale2, zero2 = (moved - low) / (high - low) * scale, high
    return quantize((integers_of(x).float() - float(moved)) * float(scale), scale2, zero2, x.dtype)


def mul_scalar(x, number):
    """``x number``: the same integers with another scale; mirrored for a negative number, and of scale 1 for 0."""
    values(x, "mul_scalar")
    scale, zero_point, (low, high) = x.q_scale(), x.q_zero_point(), (x.dtype.smallest, x.dtype.largest)
    if number > 0:
        return _with(x, scale * number, zero_point)
    if number < 0:
        mirrored = (low + high - integers_of(x).int()).to(integers_of(x).dtype)
        return _with(x, scale * -number, low + high - zero_point, mirrored)
    return _with(x, 1.0, 0, fn.zeros_like(integers_of(x)))
