"""Random tensors to test with."""

from __future__ import annotations

import math

from plugtorch.frontend import functions as fn
from plugtorch.spec import dtypes

__all__ = ["make_tensor"]


def _limits(dtype):
    if dtype is dtypes.bool_:
        return 0, 2
    if dtype.category == dtypes.INT:
        info = fn.iinfo(dtype)
        return info.min, info.max + (1 if dtype is not dtypes.int64 and dtype is not dtypes.uint64 else 0)
    real = dtype.to_real()
    info = fn.finfo(real)
    return info.min, info.max


def _defaults(dtype):
    if dtype is dtypes.bool_:
        return 0, 2
    if dtype.category == dtypes.INT:
        return (0, 10) if not dtype.is_signed else (-9, 10)
    return -9, 9


def _range(dtype, low, high):
    usual = _defaults(dtype)
    low, high = usual[0] if low is None else low, usual[1] if high is None else high
    if any(isinstance(v, float) and math.isnan(v) for v in (low, high)):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={low!r} and high={high!r}")
    if low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    smallest, largest = _limits(dtype)
    bounded = [min(max(v, smallest), largest) for v in (low, high)]
    if bounded[0] == bounded[1]:
        raise ValueError(f"The value interval [{low}, {high}) lies outside the values of {dtype}, [{smallest}, {largest}]")
    if dtype.category < dtypes.FLOAT:
        bounded = [math.ceil(v) for v in bounded]
    return bounded


def make_tensor(*shape, dtype, device, low=None, high=None, requires_grad=False, noncontiguous=False, exclude_zero=False,
                memory_format=None):
    """A tensor of uniformly random values.

    Args:
        shape: sizes, or one sequence of them.
        dtype, device: of the tensor.
        low, high: values lie in ``[low, high)``, as far as the dtype has them. By default [0, 2) for bool, [0, 10) for
            unsigned and [-9, 10) for signed integers, [-9, 9) for floating and (both parts of) complex dtypes.
        requires_grad: makes it a leaf that requires grad.
        noncontiguous: its elements do not lie side by side.
        exclude_zero: zeros become the smallest positive number of the dtype (1 for integers and bool).
        memory_format: of the result; not with ``noncontiguous``.

    Raises:
        ValueError: an empty interval, nan, gradients of integers, or arguments that exclude each other.
        TypeError: no dtype.
    """
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    if not isinstance(dtype, dtypes.DType):
        raise TypeError(f"The requested dtype '{dtype}' is not supported by torch.testing.make_tensor().")
    if requires_grad and dtype.category < dtypes.FLOAT:
        raise ValueError(f"`requires_grad=True` is not supported for boolean and integral dtypes, but got dtype={dtype!r}")
    if noncontiguous and memory_format is not None:
        raise ValueError(f"The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
                         f"noncontiguous={noncontiguous!r} and memory_format={memory_format!r}")
    low, high = _range(dtype, low, high)
    spread = noncontiguous and math.prod(shape) > 1
    if spread:
        shape = (*shape[:-1], 2 * shape[-1])
    if dtype.category < dtypes.FLOAT:
        t = fn.randint(low, high, shape, dtype=dtype, device=device)
    elif dtype.is_complex:
        real = dtype.to_real()
        t = fn.view_as_complex(_uniform((*shape, 2), real, device, low, high))
    else:
        t = _uniform(shape, dtype, device, low, high)
    if exclude_zero:
        t = t.masked_fill_(t == 0, fn.finfo(dtype).tiny if dtype.is_floating_point else
                          complex(fn.finfo(dtype.to_real()).tiny) if dtype.is_complex else 1)
    if spread:
        t = t[..., 1::2]
    if memory_format is not None:
        t = t.clone(memory_format=memory_format)
    return t.requires_grad_(requires_grad)


def _uniform(shape, dtype, device, low, high):
    t = fn.empty(shape, dtype=dtype, device=device)
    if high - low > fn.finfo(dtype).max:  # the width of the interval overflows: drawn at half its size
        return t.uniform_(low / 2, high / 2).mul_(2)
    return t.uniform_(low, high)
