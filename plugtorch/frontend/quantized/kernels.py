"""Functions that PyTorch computes on quantised tensors as they are: pooling, resizing, clipping and a few activations. Here
values are dequantised, the function applied in float32, and the result quantised: with the scale of the input, or with the
one that fits all results of the function."""

from __future__ import annotations

from plugtorch.spec import dtypes

from .. import functions as fn
from ..nn import functional as F
from .tensor import TABLE, Quantizer, quantized

# The result has the input's scale.
_SAME = ("adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool2d", "avg_pool3d", "clamp", "clip", "dropout", "hardtanh",
         "interpolate", "leaky_relu", "max_pool1d", "max_pool2d", "max_pool3d", "pad", "pixel_shuffle", "pixel_unshuffle",
         "relu6", "threshold", "upsample", "upsample_bilinear", "upsample_nearest")
_SAME_METHODS = ("mean",)
# The result's scale and zero point for unsigned integers of 8 bits; signed ones are 128 less.
_FIXED = {"sigmoid": (1.0 / 256.0, 0), "hardsigmoid": (1.0 / 256.0, 0), "tanh": (2.0 / 256.0, 128)}


def _stored(input, y, quantizer, inplace=False):
    if isinstance(y, tuple):  # values and their places
        return (_stored(input, y[0], quantizer), *y[1:])
    made = quantized(quantizer.quantize(y.to(dtypes.float32)), quantizer)
    return input.copy_(made) if inplace else made


def _same(call):
    def kernel(input, *args, inplace=False, **kwargs):
        return _stored(input, call(input.dequantize(), *args, **kwargs), input._per_tensor(), inplace)

    return kernel


def _fixed(call, scale, zero_point):
    def kernel(input, inplace=False):
        q = input._per_tensor()
        made = Quantizer(q.dtype, q.scheme, scale, zero_point + q.dtype.smallest)
        return _stored(input, call(input.dequantize()), made, inplace)

    return kernel


def _relu():
    of_integers = TABLE["relu"]

    def kernel(input, inplace=False):
        made = of_integers(input)
        return input.copy_(made) if inplace else made

    return kernel


def _stack(tensors, dim=0, *, out=None):
    return TABLE["cat"]([t.unsqueeze(dim) for t in tensors], dim)


def install() -> None:
    """Adds the functions to the table of what quantised tensors answer."""
    found = {name: _same(getattr(F, name, None) or getattr(fn, name)) for name in _SAME}
    found.update({name: _same(lambda t, *args, _name=name, **kwargs: getattr(t, _name)(*args, **kwargs))
                  for name in _SAME_METHODS})
    found.update({name: _fixed(getattr(F, name, None) or getattr(fn, name), *parameters)
                  for name, parameters in _FIXED.items()})
    TABLE.update(found)
    TABLE.update(relu=_relu(), relu_=lambda input: TABLE["relu"](input, True), stack=_stack)
