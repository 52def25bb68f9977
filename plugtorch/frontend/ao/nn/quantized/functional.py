"""Functions of quantised tensors: values are dequantised, the function computed in float32, the result quantised."""

from __future__ import annotations

import warnings

from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.quantized.schemes import quint8

from .utils import quantize

__all__ = ["adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool2d", "avg_pool3d", "celu", "clamp", "conv1d", "conv2d",
           "conv3d", "elu", "hardsigmoid", "hardswish", "hardtanh", "interpolate", "leaky_relu", "linear", "max_pool1d",
           "max_pool2d", "threshold", "upsample", "upsample_bilinear", "upsample_nearest"]


def _check(input, name):
    if not input.is_quantized:
        raise ValueError(f"Input to 'quantized.{name}' must be quantized!")


def _like(input, y):
    return quantize(y, input.q_scale(), input.q_zero_point(), input.dtype)


def _same(name, doc):
    call = getattr(F, name)

    def function(input, *args, **kwargs):
        _check(input, name)
        return _like(input, call(input.dequantize(), *args, **kwargs))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc} of a quantised tensor, which keeps its scale; the arguments are those of " \
                       f":func:`torch.nn.functional.{name}`.\n\nRaises:\n    ValueError: the input is not quantised."
    return function


adaptive_avg_pool2d = _same("adaptive_avg_pool2d", "Means over as many areas as the result is to have")
adaptive_avg_pool3d = _same("adaptive_avg_pool3d", "Means over as many volumes as the result is to have")
avg_pool2d = _same("avg_pool2d", "Means over areas")
avg_pool3d = _same("avg_pool3d", "Means over volumes")
max_pool1d = _same("max_pool1d", "Largest values of stretches")
max_pool2d = _same("max_pool2d", "Largest values of areas")
interpolate = _same("interpolate", "Another size")
threshold = _same("threshold", "Small values replaced")
_hardtanh = _same("hardtanh", "Values between bounds")


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """Values between bounds, of a quantised tensor, which keeps its scale."""
    y = _hardtanh(input, min_val, max_val)
    return input.copy_(y) if inplace else y


def hardsigmoid(input, inplace=False):
    """``relu6(x + 3) / 6`` of a quantised tensor, with the scale 1 / 256."""
    _check(input, "hardsigmoid")
    y = quantize(F.hardsigmoid(input.dequantize()), 1.0 / 256.0, input.dtype.smallest, input.dtype)
    return input.copy_(y) if inplace else y


def clamp(input, min_, max_):
    """Values between bounds, of a quantised tensor, which keeps its scale."""
    _check(input, "clamp")
    return _like(input, input.dequantize().clamp(min_, max_))


def leaky_relu(input, negative_slope=0.01, inplace=False, scale=None, zero_point=None):
    """``x`` where positive, ``negative_slope x`` elsewhere.

    Args:
        input: quantised.
        scale, zero_point: of the result; those of the input if not given.
    """
    if scale is None or zero_point is None:
        y = _like(input, F.leaky_relu(input.dequantize(), negative_slope))
        return input.copy_(y) if inplace else y
    if inplace:
        raise AssertionError("Cannot rescale with `inplace`")
    return quantize(F.leaky_relu(input.dequantize(), negative_slope), scale, zero_point, input.dtype)


def hardswish(input, scale, zero_point):
    """``x relu6(x + 3) / 6`` of a quantised tensor, with another scale."""
    _check(input, "hardswish")
    return quantize(F.hardswish(input.dequantize()), scale, zero_point, input.dtype)


def elu(input, scale, zero_point, alpha=1.0):
    """``x`` where positive, ``alpha (exp(x) - 1)`` elsewhere, of a quantised tensor, with another scale."""
    _check(input, "elu")
    return quantize(F.elu(input.dequantize(), alpha), scale, zero_point, input.dtype)


def celu(input, scale, zero_point, alpha=1.0):
    """``x`` where positive, ``alpha (exp(x / alpha) - 1)`` elsewhere, of a quantised tensor, with another scale."""
    _check(input, "celu")
    return quantize(F.celu(input.dequantize(), alpha), scale, zero_point, input.dtype)


def linear(input, weight, bias=None, scale=None, zero_point=None):
    """``x W^T + b``.

    Args:
        input: quantised.
        weight: quantised, ``(out_features, in_features)``.
        bias: float32.
        scale, zero_point: of the result; those of the input if not given.
    """
    scale = input.q_scale() if scale is None else scale
    zero_point = input.q_zero_point() if zero_point is None else zero_point
    return quantize(F.linear(input.dequantize(), weight.dequantize(), bias), scale, zero_point, input.dtype)


def _conv(n):
    def function(input, weight, bias, stride=1, padding=0, dilation=1, groups=1, padding_mode="zeros", scale=1.0,
                 zero_point=0, dtype=quint8):
        if padding_mode != "zeros":
            raise NotImplementedError("Only zero-padding is supported!")
        if input.dim() != n + 2:
            raise ValueError(f"Input must be {n + 2}D, got {input.dim()}D instead")
        y = getattr(F, f"conv{n}d")(input.dequantize(), weight.dequantize(), bias, stride, padding, dilation, groups)
        return quantize(y, scale, zero_point, dtype)

    function.__name__ = function.__qualname__ = f"conv{n}d"
    function.__doc__ = f"""A convolution of a quantised tensor with a quantised weight.

    Args:
        input, weight, bias, stride, padding, dilation, groups: those of :func:`torch.nn.functional.conv{n}d`.
        padding_mode: zeros.
        scale, zero_point, dtype: of the result.

    Raises:
        NotImplementedError: another padding.
        ValueError: another number of dimensions.
    """
    return function


conv1d, conv2d, conv3d = _conv(1), _conv(2), _conv(3)


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """Another size of a quantised tensor; deprecated for :func:`interpolate`."""
    warnings.warn("nn.quantized.functional.upsample is deprecated. Use nn.quantized.functional.interpolate instead.",
                  stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_bilinear(input, size=None, scale_factor=None):
    """Another size by linear interpolation; deprecated for :func:`interpolate`."""
    return upsample(input, size, scale_factor, "bilinear", True)


def upsample_nearest(input, size=None, scale_factor=None):
    """Another size by the nearest values; deprecated for :func:`interpolate`."""
    return upsample(input, size, scale_factor, "nearest")
