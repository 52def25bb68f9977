"""Quantisation imitated in floats: values rounded as quantising would, with the gradients of the straight-through
estimator (Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons", 2013)."""

from __future__ import annotations

from plugtorch.autograd.names import named
from plugtorch.spec import dtypes

from .. import creation
from ..dispatch import is_tensor, normalize_axis
from ..methods import exporter
from .functions import choose

__all__: list[str] = []
_export = exporter(__all__)


def _rounded(x, scale, zero_point, low, high, fractional=False):
    """The rounded values, computed in float32 or wider, with the gradient of x where they are inside the bounds."""
    wide = x.detach()
    wide = wide if x.dtype is dtypes.float64 else wide.to(dtypes.float32)
    inverse = (1.0 / scale.to(dtypes.float32)).to(scale.dtype) if is_tensor(scale) else \
        float(creation.tensor(1.0, dtype=dtypes.float32) / scale)
    # An integer of zero is added to what is rounded: halves go to even before it is, unlike in quantize_per_tensor().
    whole = (wide * inverse + zero_point).round() if fractional else (wide * inverse).round() + zero_point
    inside = (whole >= low) & (whole <= high)
    passed = x.masked_fill(~inside, 0.0)
    steps = whole.clamp(low, high) - zero_point
    if not is_tensor(scale):  # PyTorch multiplies by a single scale in single precision
        steps = steps.to(dtypes.float32)
    return (steps * scale).to(x.dtype) + (passed - passed.detach())


@named("FakeQuantizePerTensorAffineCachemaskBackward0")
def _per_tensor(input, scale, zero_point, low, high):
    return _rounded(input, scale, zero_point, low, high)


@named("FakeQuantizePerChannelAffineCachemaskBackward0")
def _per_channel(input, scale, zero_point, low, high, fractional):
    return _rounded(input, scale, zero_point, low, high, fractional)


def _check(input, name):
    if input.dtype not in (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64):
        raise NotImplementedError(f"\"fake_quantize_tensor_cachemask_kernel_type_handling\" not implemented for "
                                  f"'{input.dtype.legacy}'")


def _check_bounds(low, high):
    if low > high:
        raise RuntimeError("`quant_min` should be less than or         equal to `quant_max`.")


@_export
def fake_quantize_per_tensor_affine(input, scale, zero_point, quant_min, quant_max):
    """``(clamp(round(input / scale) + zero_point, quant_min, quant_max) - zero_point) * scale``.

    The gradient is passed on where the rounded value lies between the bounds, and is zero elsewhere.

    Args:
        input: floating, any shape; the result has its dtype.
        scale, zero_point: a float and an int, or tensors of one element.
        quant_min, quant_max: the bounds of the integers.

    Raises:
        RuntimeError: bounds in the wrong order, or a zero point outside them.
    """
    _check(input, "fake_quantize_per_tensor_affine")
    _check_bounds(quant_min, quant_max)
    if is_tensor(scale):
        scale = scale.detach().reshape(()).item()
    if is_tensor(zero_point):
        zero_point = zero_point.detach().reshape(()).item()
    if not quant_min <= zero_point <= quant_max:
        raise RuntimeError("`zero_point` must be between `quant_min` and `quant_max`.")
    single = creation.tensor(float(scale), dtype=dtypes.float32).item()  # PyTorch keeps the scale in single precision
    return _per_tensor(input, single, int(zero_point), quant_min, quant_max)


@_export
def fake_quantize_per_channel_affine(input, scale, zero_point, axis, quant_min, quant_max):
    """:func:`fake_quantize_per_tensor_affine` with a scale and a zero point for each index of dimension ``axis``.

    Args:
        scale: float32, 1-d, of the size of that dimension.
        zero_point: of the same shape; int32, float32 or float16.

    Raises:
        RuntimeError: other dtypes or sizes, bounds in the wrong order, or a zero point outside them.
        IndexError: no such dimension.
    """
    if scale.dtype is not dtypes.float32 and scale.dtype is not dtypes.bfloat16:
        raise RuntimeError(f"Scale must be Float or BFloat16, found {scale.dtype.legacy}")
    if zero_point.dtype not in (dtypes.int32, dtypes.float32, dtypes.float16):
        raise RuntimeError(f"Zero-point must be Int32, Float or Half, found {zero_point.dtype.legacy}")
    if scale.dim() != 1 or zero_point.dim() != 1:
        raise RuntimeError(f"{'scale' if scale.dim() != 1 else 'zero point'} should be a 1-D tensor")
    if scale.numel() != zero_point.numel():
        raise RuntimeError("scale and zero-point need to have the same dimensions")
    axis = normalize_axis(axis, input.dim())
    if scale.numel() != input._a.shape[axis]:
        raise RuntimeError("dimensions of scale and zero-point are not consistent with input tensor")
    _check_bounds(quant_min, quant_max)
    if zero_point.dtype is dtypes.int32 and bool(((zero_point < quant_min) | (zero_point > quant_max)).any()):
        raise RuntimeError("`zero_point` must be between `quant_min` and `quant_max`.")
    _check(input, "fake_quantize_per_channel_affine")
    shape = [-1 if d == axis else 1 for d in range(input.dim())]
    fractional = zero_point.is_floating_point()
    wide = input.dtype if input.dtype is dtypes.float64 else dtypes.float32
    scale, zero_point = (t.detach().to(dtypes.float32).to(wide).reshape(shape) for t in (scale, zero_point))
    return _per_channel(input, scale, zero_point, quant_min, quant_max, fractional)


@_export
def fused_moving_avg_obs_fake_quant(input, observer_on, fake_quant_on, running_min, running_max, scale, zero_point,
                                    averaging_const, quant_min, quant_max, ch_axis, per_row_fake_quant=False,
                                    symmetric_quant=False):
    """Observes the bounds of a tensor as moving averages, chooses a scale by them, and rounds as quantising would.

    Args:
        input: floating.
        observer_on, fake_quant_on: tensors of one int: whether to observe, whether to round.
        running_min, running_max, scale, zero_point: tensors that are written: the averages (of one element, or one per
            channel) and what is chosen.
        averaging_const: the weight of the new bounds.
        quant_min, quant_max: the bounds of the integers.
        ch_axis: the dimension of the channels, with ``per_row_fake_quant``.
        symmetric_quant: the scale is that of the larger bound on both sides.

    Returns:
        The rounded tensor, or the input where rounding is off.
    """
    if int(observer_on.item()):
        _observe(input.detach(), running_min, running_max, scale, zero_point, averaging_const, quant_min, quant_max, ch_axis,
                 per_row_fake_quant, symmetric_quant)
    if not int(fake_quant_on.item()):
        return input
    if per_row_fake_quant:
        return fake_quantize_per_channel_affine(input, scale, zero_point, ch_axis, quant_min, quant_max)
    return fake_quantize_per_tensor_affine(input, scale, zero_point, quant_min, quant_max)


def _observe(x, running_min, running_max, scale, zero_point, constant, low, high, axis, per_row, symmetric):
    if per_row:
        rows = x.movedim(axis, 0).reshape(x._a.shape[axis], -1)
        least, most = rows.amin(1), rows.amax(1)
    else:
        least, most = x.min().reshape(1), x.max().reshape(1)
    for running, new, unseen in ((running_min, least, float("inf")), (running_max, most, -float("inf"))):
        if running.numel() != new.numel():
            running.resize_(new.numel()).fill_(unseen)
        new = new.reshape(running.shape)
        running.copy_(new.where(running.isinf(), running + constant * (new - running)))
    bounds = zip(running_min.reshape(-1).tolist(), running_max.reshape(-1).tolist(), strict=True)
    chosen = [choose(below, above, low, high, symmetric) for below, above in bounds]
    for target, values in zip((scale, zero_point), zip(*chosen, strict=True), strict=True):
        if target.numel() != len(values):
            target.resize_(len(values))
        target.copy_(creation.tensor(values, dtype=target.dtype, device=target.device).reshape(target.shape))
