"""Bounds of integers, kinds of schemes, and factories that remember arguments."""

from __future__ import annotations

import functools
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.opaque_dtypes import QuantizedDType
from plugtorch.frontend.quantized import schemes

__all__ = ["Factory", "bounds", "is_per_channel", "is_per_tensor", "is_symmetric", "observed_bounds"]


def bounds(dtype) -> tuple[int, int]:
    """The smallest and the largest integer of a quantised or an integer dtype."""
    if isinstance(dtype, QuantizedDType):
        return dtype.smallest, dtype.largest
    info = fn.iinfo(dtype)
    return info.min, info.max


def observed_bounds(dtype, low, high, reduce_range: bool) -> tuple[int, int]:
    """The integers that an observer maps values to.

    Args:
        dtype: of the integers.
        low, high: bounds that were asked for, or None for those of the dtype.
        reduce_range: leave one bit unused, which keeps sums of products inside 16 bits on some processors.
    """
    if low is None or high is None:
        low, high = bounds(dtype)
        if dtype is schemes.qint32:
            return low, high
    return (low // 2, high // 2) if reduce_range else (low, high)


def is_per_tensor(scheme) -> bool:
    """Whether there is one scale."""
    return scheme in (schemes.per_tensor_affine, schemes.per_tensor_symmetric)


def is_per_channel(scheme) -> bool:
    """Whether there is a scale per channel."""
    return scheme in (schemes.per_channel_affine, schemes.per_channel_symmetric, schemes.per_channel_affine_float_qparams)


def is_symmetric(scheme) -> bool:
    """Whether zero is in the middle of the integers."""
    return scheme in (schemes.per_tensor_symmetric, schemes.per_channel_symmetric)


class Factory:
    """A class with arguments, called to make objects: what ``Observer.with_args(...)`` returns.

    Attributes:
        p: the class and its arguments, a ``functools.partial``.
        callable_args: arguments made anew by a call each time.
    """

    def __init__(self, p, callable_args: dict[str, Any] | None = None):
        self.p, self.callable_args = p, callable_args or {}

    def __call__(self, *args, **kwargs):
        made = {name: call() for name, call in self.callable_args.items() if name not in kwargs}
        return self.p(*args, **made, **kwargs)

    def __repr__(self):
        return repr(self.p) + repr(self.callable_args)

    def with_args(self, **kwargs) -> Factory:
        """The same with more arguments."""
        return Factory(functools.partial(self.p, **kwargs), dict(self.callable_args))

    def with_callable_args(self, **kwargs) -> Factory:
        """The same with more arguments that are made by calls."""
        return Factory(self.p, {**self.callable_args, **kwargs})


class WithArgs:
    """A class of which factories can be made."""

    @classmethod
    def with_args(cls, **kwargs) -> Factory:
        """A factory of objects with these arguments; repeated calls make new objects."""
        return Factory(functools.partial(cls, **kwargs))

    @classmethod
    def with_callable_args(cls, **kwargs) -> Factory:
        """A factory that makes these arguments by calls when it is called."""
        return Factory(functools.partial(cls), kwargs)
