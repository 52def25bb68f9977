"""Limits of dtypes: ``finfo`` and ``iinfo``."""

from __future__ import annotations

import numpy as np

from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import DType

from . import state


class finfo:  # noqa: N801
    """Limits of a floating (or complex) dtype: bits, eps, max, min, tiny, smallest_normal, resolution.

    Raises:
        TypeError: an integer dtype.
    """

    def __init__(self, type: DType | None = None):
        dtype = type or state.get_default_dtype()
        if not dtype.differentiable:
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                            f"'{dtype.name}'")
        real = dtype.to_real()
        self.dtype = real.name
        if real is dtypes.bfloat16:
            import ml_dtypes

            info = ml_dtypes.finfo(ml_dtypes.bfloat16)
        else:
            info = np.finfo(real.numpy)
        self.bits = 8 * real.itemsize
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = float(info.resolution)

    def __repr__(self):
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo:  # noqa: N801
    """Limits of an integer dtype: bits, min, max.

    Raises:
        TypeError: a floating or bool dtype.
    """

    def __init__(self, type: DType):
        if type.category != dtypes.INT:
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type.name}'"
                            if type.differentiable else "torch.bool is not supported by torch.iinfo")
        info = np.iinfo(type.numpy)
        self.dtype, self.bits, self.min, self.max = type.name, 8 * type.itemsize, int(info.min), int(info.max)

    def __repr__(self):
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
