"""Making quantised tensors, and asking them."""

from __future__ import annotations

import numpy as np

from plugtorch.spec import dtypes

from ..dispatch import is_tensor
from ..methods import exporter, method
from ..not_offered import refused_function
from ..opaque_dtypes import QuantizedDType
from .schemes import per_channel_affine, per_channel_affine_float_qparams, per_tensor_affine, qint8, quint8

__all__: list[str] = []
_export = exporter(__all__)


def _quantized(t, *parameters):
    from .tensor import Quantizer, quantized  # a class of tensors that answers calls: imported when it is wanted

    q = Quantizer(*parameters)
    return quantized(q.quantize(t.detach()), q)


def _check(input, dtype, what):
    if not is_tensor(input):
        raise TypeError(f"{what}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if not isinstance(dtype, QuantizedDType):
        raise RuntimeError(f"ScalarType {getattr(dtype, 'legacy', dtype)} is not supported in new_qtensor.")
    if input.dtype is not dtypes.float32:
        raise RuntimeError(f"Quantize only works on Float Tensor, got {input.dtype.legacy}")


def _check_zero_point(zero_point, dtype, what):
    if zero_point < dtype.smallest:
        raise RuntimeError(f"{what} zero_point {zero_point} is below lower bound.")
    if zero_point > dtype.largest:
        raise RuntimeError(f"{what} zero_point {zero_point} is above upper bound.")


@_export
def quantize_per_tensor(input, scale, zero_point, dtype):
    """A tensor, or each of a list, as integers ``round(input / scale + zero_point)``.

    Args:
        input: float32, any shape; or a sequence of tensors, with 1-d tensors of scales and zero points.
        scale, zero_point: a float and an int, or tensors of one element.
        dtype: quint8, qint8, qint32, quint4x2 or quint2x4.

    Raises:
        RuntimeError: another dtype, of the input or wanted, or a zero point that the dtype does not have.
    """
    if isinstance(input, (list, tuple)):
        return tuple(quantize_per_tensor(t, s, z, dtype)
                     for t, s, z in zip(input, scale, zero_point, strict=True))
    _check(input, dtype, "quantize_per_tensor")
    scale = scale.item() if is_tensor(scale) else float(scale)
    zero_point = int(zero_point)
    _check_zero_point(zero_point, dtype, "quantize_tensor_per_tensor_affine")
    return _quantized(input, dtype, per_tensor_affine, scale, zero_point)


@_export
def quantize_per_channel(input, scales, zero_points, axis, dtype):
    """A tensor as integers, with a scale and a zero point for each index of a dimension.

    Args:
        input: float32, any shape.
        scales, zero_points: 1-d, of the size of that dimension. Zero points of a floating dtype stay floats
            (``per_channel_affine_float_qparams``).
        axis: the dimension.
        dtype: a quantised dtype.

    Raises:
        RuntimeError: sizes that do not fit, a dimension or a zero point out of range, other dtypes.
    """
    _check(input, dtype, "quantize_per_channel")
    if scales.dim() != 1 or zero_points.dim() != 1:
        raise RuntimeError(f"{'scale' if scales.dim() != 1 else 'zero_points'} tensor must have dimension 1")
    if scales.numel() != zero_points.numel():
        raise RuntimeError("number of elements in scales and zero_points must match")
    if not 0 <= axis < input.dim():
        raise RuntimeError(f"Channel axis out of range in per channel affine quantization. Got: {axis}Expected: [0, "
                           f"{input.dim()})")
    if scales.numel() != input._a.shape[axis]:
        raise RuntimeError("length of scales must equal to channel, expected "
                           f"{input._a.shape[axis]} got, {scales.numel()}")
    if zero_points.is_floating_point():
        return _quantized(input, dtype, per_channel_affine_float_qparams, scales.to(dtypes.float32),
                          zero_points.to(dtypes.float32), axis)
    for zero_point in zero_points.tolist():
        _check_zero_point(zero_point, dtype, "quantize_tensor_per_channel_affine")
    return _quantized(input, dtype, per_channel_affine, scales.to(dtypes.float64), zero_points.to(dtypes.int64), axis)


@_export
def quantize_per_tensor_dynamic(input, dtype, reduce_range):
    """A tensor as integers whose scale and zero point are chosen by its smallest and its largest value.

    Args:
        input: float32.
        dtype: quint8 or qint8.
        reduce_range: leave one bit of the integers unused.

    Raises:
        RuntimeError: other dtypes.
    """
    if dtype not in (quint8, qint8):
        raise RuntimeError("dtype " + getattr(dtype, "legacy", str(dtype)) + " not supported")
    _check(input, dtype, "quantize_per_tensor_dynamic")
    low, high = (input.min().item(), input.max().item()) if input.numel() else (0.0, 0.0)
    smallest, largest = dtype.smallest, dtype.largest
    if reduce_range:
        smallest, largest = int(smallest / 2), largest // 2
    scale, zero_point = choose(low, high, smallest, largest)
    return quantize_per_tensor(input, scale, zero_point, dtype)


_SMALLEST_SCALE = 6.1e-5


def choose(low, high, smallest, largest, symmetric=False):
    """The scale and the zero point of the values between low and high, zero included, on integers; the zero point is the
    one of the two that the ends would have that rounds with the smaller error, or symmetric, the middle."""
    f = np.float32  # the bounds are kept in it, everything else is computed in double precision
    low, high = f(low), f(high)
    mirrored = symmetric and low < 0 < high
    if mirrored:
        half = (largest - smallest) // 2
        reach = max(abs(float(low) / (half + 1)), abs(float(high) / half))
        low, high = f(-reach * (half + 1)), f(reach * half)
    low, high = float(min(low, f(0))), float(max(high, f(0)))
    scale = (high - low) / (largest - smallest)
    if f(scale) == 0.0 or scale != scale or 1.0 / float(f(scale)) == float("inf"):
        scale = 0.1
    if scale < _SMALLEST_SCALE:
        low, high = low * (_SMALLEST_SCALE / scale), high * (_SMALLEST_SCALE / scale)
        scale = _SMALLEST_SCALE
    from_low, from_high = smallest - low / scale, largest - high / scale
    error_low = abs(smallest) - abs(low / scale)
    error_high = abs(largest) - abs(high / scale)
    start = from_low if error_low < error_high else from_high
    if mirrored:
        start = (smallest + largest) / 2
    if start < smallest:
        return scale, smallest
    if start > largest:
        return scale, largest
    return scale, round(start)


@_export
def dequantize(tensor=None, *, tensors=None):
    """The values of a quantised tensor, or of each of a list, as float32; a float tensor as float32."""
    given = tensors if tensor is None else tensor
    return tuple(t.dequantize() for t in given) if isinstance(given, (list, tuple)) else given.dequantize()


@method(name="dequantize")
def _dequantize(self):
    """The values as float32."""
    return self.to(dtypes.float32)


@_export
def empty_quantized(size, qtensor, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None,
                    pin_memory=False):
    """A quantised tensor of a shape with the parameters of another, which has one scale; its integers are 0.

    Raises:
        RuntimeError: the other tensor is not quantised, or has a scale per channel.
    """
    raise RuntimeError("empty_quantized takes the parameters of a quantised tensor, but got a plain one")


_ASKING = {"int_repr": "The integers of a quantised tensor.", "q_scale": "The scale of a quantised tensor.",
           "q_zero_point": "The integer of zero of a quantised tensor.",
           "q_per_channel_scales": "The scales of a quantised tensor.",
           "q_per_channel_zero_points": "The integers of zero of a quantised tensor.",
           "q_per_channel_axis": "The dimension of a quantised tensor's channels."}


def _asking(name, doc):
    def plain(self):
        raise NotImplementedError(f"Could not run 'aten::{name}' with arguments from the '{self.device.type.upper()}' "
                                  "backend: the tensor is not quantised.")

    def function(input):
        return getattr(input, name)()

    plain.__name__ = function.__name__ = name
    plain.__doc__ = function.__doc__ = f"{doc}\n\nRaises:\n    NotImplementedError: another tensor."
    method(plain, name=name)
    if name != "qscheme":
        globals()[name] = function
        __all__.append(name)


for _name, _doc in {**_ASKING, "qscheme": "The scheme of a quantised tensor."}.items():
    _asking(_name, _doc)

_KERNELS = "no array library has quantised kernels: dequantize(), compute, and quantise again"
for _name in ("quantized_batch_norm", "quantized_gru", "quantized_gru_cell", "quantized_lstm", "quantized_lstm_cell",
              "quantized_max_pool1d", "quantized_max_pool2d", "quantized_max_pool3d", "quantized_rnn_relu_cell",
              "quantized_rnn_tanh_cell", "choose_qparams_optimized"):
    globals()[_name] = refused_function(_name, _KERNELS)
    __all__.append(_name)
