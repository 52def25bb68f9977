"""Linear maps and convolutions."""

from __future__ import annotations

from plugtorch.autograd.mode import AUTOCAST, mode
from plugtorch.autograd.names import rename
from plugtorch.autograd.record import apply

from ...amp.casting import autocasts, recast
from ...dispatch import is_tensor, store
from ...linear import matmul
from ...shaping import reshape, unsqueeze

__all__ = ["bilinear", "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d",
           "conv_transpose3d", "linear"]


def linear(input, weight, bias=None, *, out=None):
    """``input @ weight.T + bias`` over the last dimension.

    Shapes: input (*, in), weight (out, in) or (in,), bias (out,) or None; result (*, out).

    Raises:
        RuntimeError: sizes or dtypes do not fit.
    """
    if out is not None:
        return store(out, linear(input, weight, bias))
    if mode() & AUTOCAST:
        return recast("linear", linear, input, weight, bias)
    if input.dtype is not weight.dtype or (bias is not None and bias.dtype is not input.dtype):
        other = weight if input.dtype is not weight.dtype else bias
        raise RuntimeError(f"mat1 and mat2 must have the same dtype, but got {input.dtype.legacy} and "
                           f"{other.dtype.legacy}")
    if weight.dim() == 1:
        y = matmul(input, weight)
        return y if bias is None else y + bias
    shape, w = input._a.shape, weight._a.shape
    if not shape:
        raise RuntimeError("both arguments to linear need to be at least 1D, but they are 0D and 2D")
    if shape[-1] != w[1]:
        rows = 1
        for n in shape[:-1]:
            rows *= n
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({rows}x{shape[-1]} and {w[1]}x{w[0]})")
    if len(shape) == 1:
        return reshape(apply("linear", (unsqueeze(input, 0), weight, bias)), (w[0],))
    y = apply("linear", (input, weight, bias))
    return y if bias is not None else rename(y, "MmBackward0" if len(shape) == 2 else "UnsafeViewBackward0")


@autocasts
def bilinear(input1, input2, weight, bias=None):
    """``x1^T A x2 + b`` per output: input1 (*, in1), input2 (*, in2), weight (out, in1, in2)."""
    lead = tuple(input1._a.shape[:-1])
    x1 = reshape(input1, (-1, input1._a.shape[-1]))
    x2 = reshape(input2, (-1, input2._a.shape[-1]))
    out, in1, in2 = weight._a.shape
    mixed = matmul(x1, reshape(weight.permute(1, 0, 2), (in1, out * in2)))
    y = (reshape(mixed, (x1._a.shape[0], out, in2)) * unsqueeze(x2, 1)).sum(-1)
    y = reshape(y, (*lead, out))
    return y if bias is None else y + bias


def _tuple(value, n, name):
    if isinstance(value, int):
        return (value,) * n
    value = tuple(value)
    if len(value) == 1:
        return value * n
    if len(value) != n:
        raise RuntimeError(f"expected {name} to be a single integer value or a list of {n} values to match the "
                           f"convolution dimensions, but got {name}={list(value)}")
    return value


# What C++ calls the dtypes.
_C_NAMES = {"int64": "long int", "int32": "int", "float64": "double", "float32": "float",
            "complex128": "c10::complex<double>", "complex64": "c10::complex<float>",
            "bfloat16": "c10::BFloat16", "float16": "c10::Half", "bool": "bool",
            "int16": "short int", "int8": "signed char", "uint8": "unsigned char"}


def _c_name(dtype):
    return _C_NAMES.get(dtype.name, dtype.name)


def _check(input, weight, bias, n, groups, transposed, stride, padding, dilation):
    name = f"conv_transpose{n}d" if transposed else f"conv{n}d"
    if not is_tensor(input):
        raise TypeError(f"{name}() received an invalid combination of arguments: input must be Tensor, not "
                        f"{type(input).__name__}")
    if input.dim() not in (n + 1, n + 2):
        raise RuntimeError(f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size:"
                           f" {list(input._a.shape)}")
    if input.dtype is not weight.dtype:
        raise RuntimeError(f"Input type ({input.type()}) and weight type ({weight.type()}) should be the same")
    if bias is not None and bias.dtype is not input.dtype:
        raise RuntimeError(f"Input type ({_c_name(input.dtype)}) and bias type ({_c_name(bias.dtype)}) should be the same")
    channels = input._a.shape[-n - 1]
    shape = list(weight._a.shape)
    if len(shape) != n + 2:
        raise RuntimeError(f"Expected {len(shape)}-dimensional input for {len(shape)}-dimensional weight{shape}, but got "
                           f"{n + 2}-dimensional input of size {list(input._a.shape)} instead")
    for values, least, what in ((dilation, 1, "dilation should be greater than zero"),
                                (padding, 0, "negative padding is not supported"),
                                (stride, 1, "non-positive stride is not supported")):
        if not isinstance(values, str) and any(v < least for v in values):
            raise RuntimeError(what)
    if transposed:
        if shape[0] != channels:
            raise RuntimeError(f"Given transposed={int(transposed)}, weight of size {shape}, expected input"
                               f"{list(input._a.shape)} to have {shape[0]} channels, but got {channels} channels instead")
    elif shape[1] * groups != channels:
        raise RuntimeError(f"Given groups={groups}, weight of size {shape}, expected input{list(input._a.shape)} to have "
                           f"{shape[1] * groups} channels, but got {channels} channels instead")
    out = shape[1] * groups if transposed else shape[0]
    if bias is not None and tuple(bias._a.shape) != (out,):
        raise RuntimeError(f"Given weight of size {shape}, expected bias to be 1-dimensional with {out} elements, but got "
                           f"bias of size {list(bias._a.shape)} instead")


def _same_padding(kernel, dilation):
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return [t // 2 for t in total], [t - t // 2 for t in total]


def _convolve(input, weight, bias, stride, padding, dilation, groups, n):
    stride, dilation = _tuple(stride, n, "stride"), _tuple(dilation, n, "dilation")
    padding = padding if isinstance(padding, str) else _tuple(padding, n, "padding")
    _check(input, weight, bias, n, groups, False, stride, padding, dilation)
    kernel = tuple(weight._a.shape[2:])
    batched = input.dim() == n + 2
    x = input if batched else unsqueeze(input, 0)
    if isinstance(padding, str):
        if padding == "valid":
            padding = (0,) * n
        elif padding == "same":
            if any(s != 1 for s in stride):
                raise RuntimeError("padding='same' is not supported for strided convolutions")
            lo, hi = _same_padding(kernel, dilation)
            padding = tuple(lo)
            if lo != hi:
                x = apply("pad", (x,), {"lo": (0,) * (n + 2), "hi": (0, 0, *(b - a for a, b in zip(lo, hi, strict=True)))})
        else:
            raise RuntimeError(f"Invalid padding string: '{padding}'")
    padded = [m + 2 * p for m, p in zip(x._a.shape[2:], padding, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(m < r for m, r in zip(padded, reach, strict=True)):
        raise RuntimeError(f"Calculated padded input size per channel: ({' x '.join(map(str, padded))}). Kernel size: "
                           f"({' x '.join(map(str, reach))}). Kernel size can't be greater than actual input size")
    y = apply("conv", (x, weight), {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups})
    if bias is not None:
        y = apply("bias_add", (y, bias))
    return y if batched else reshape(y, tuple(y._a.shape[1:]))


@autocasts
def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of (N, C, L) or (C, L) with weight (O, C / groups, K)."""
    return _convolve(input, weight, bias, stride, padding, dilation, groups, 1)


@autocasts
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of (N, C, H, W) or (C, H, W) with weight (O, C / groups, KH, KW)."""
    return _convolve(input, weight, bias, stride, padding, dilation, groups, 2)


@autocasts
def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of (N, C, D, H, W) or (C, D, H, W) with weight (O, C / groups, KD, KH, KW)."""
    return _convolve(input, weight, bias, stride, padding, dilation, groups, 3)


def _convolve_transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, n):
    stride, dilation = _tuple(stride, n, "stride"), _tuple(dilation, n, "dilation")
    padding, extra = _tuple(padding, n, "padding"), _tuple(output_padding, n, "output_padding")
    _check(input, weight, bias, n, groups, True, stride, padding, dilation)
    for o, s, d in zip(extra, stride, dilation, strict=True):
        if o >= max(s, d):
            raise RuntimeError(f"output padding must be smaller than either stride or dilation, but got output_padding: "
                               f"{list(extra)}, stride: {list(stride)}, dilation: {list(dilation)}")
    batched = input.dim() == n + 2
    x = input if batched else unsqueeze(input, 0)
    kernel = weight._a.shape[2:]
    size = tuple((m - 1) * s - 2 * p + d * (k - 1) + o + 1 for m, s, p, d, k, o
                 in zip(x._a.shape[2:], stride, padding, dilation, kernel, extra, strict=True))
    y = apply("conv_input", (x, weight), {"input_size": size, "stride": stride, "padding": padding,
                                          "dilation": dilation, "groups": groups})
    if bias is not None:
        y = apply("bias_add", (y, bias))
    return y if batched else reshape(y, tuple(y._a.shape[1:]))


@autocasts
def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The adjoint of conv1d: input (N, C, L), weight (C, O / groups, K)."""
    return _convolve_transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 1)


@autocasts
def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The adjoint of conv2d: input (N, C, H, W), weight (C, O / groups, KH, KW)."""
    return _convolve_transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 2)


@autocasts
def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The adjoint of conv3d: input (N, C, D, H, W), weight (C, O / groups, KD, KH, KW)."""
    return _convolve_transposed(input, weight, bias, stride, padding, output_padding, groups, dilation, 3)


@autocasts
def conv_tbc(input, weight, bias, pad=0):
    """Cross-correlation over time of (T, N, C) with weight (K, C, O) and bias (O,), ``pad`` zeros at both ends:
    (T + 2 pad - K + 1, N, O).

    Raises:
        RuntimeError: sizes do not fit.
    """
    if input.dim() != 3:
        raise RuntimeError("Input must have 3 dims: time, batch, in_channel")
    if weight.dim() != 3:
        raise RuntimeError("Weight tensor must have 3 dims: kernel_width, in_channels, out_channels.")
    if bias.dim() != 1:
        raise RuntimeError("Bias must be 1-D")
    if input._a.shape[2] != weight._a.shape[1]:
        raise RuntimeError("Input dim 2 (input channels) is not == dim 1 in the weight tensor")
    if weight._a.shape[2] != bias._a.shape[0]:
        raise RuntimeError("Bias size must equal dim 2 in the weight tensor (output channels).")
    return conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad).permute(2, 0, 1)
