"""float16 and bfloat16 on NumPy, which knows the first a little and the second (from ml_dtypes) hardly.

Results are computed in float32 and rounded once, as PyTorch does. For a sum, difference, product or quotient of two
arrays that equals the native result, because float32 has more than twice the digits.
"""

from __future__ import annotations

import functools

import ml_dtypes
import numpy as np

BF16 = np.dtype(ml_dtypes.bfloat16)
F16 = np.dtype(np.float16)
F32 = np.dtype(np.float32)
HALF = frozenset({BF16, F16})


def is_half(x):
    """Whether x is an array of a half type."""
    return x.itemsize == 2 and x.dtype in HALF


def widened(values):
    """The values with half arrays in float32, and the half dtype among them or None."""
    half = None
    wide = []
    for v in values:
        if type(v) is np.ndarray and v.itemsize == 2 and v.dtype in HALF:
            half = v.dtype
            v = v.astype(F32)
        wide.append(v)
    return wide, half


def narrowed(result, half):
    """float32 arrays of a result back in the half dtype."""
    if type(result) is tuple:
        return tuple(narrowed(r, half) for r in result)
    return result.astype(half) if type(result) is np.ndarray and result.dtype is F32 else result


def halved(kernel):
    """A kernel for float32 and wider, made to take half arrays too."""

    @functools.wraps(kernel)
    def wrapped(self, *operands, **params):
        for v in operands:
            if type(v) is np.ndarray and v.itemsize == 2 and v.dtype in HALF:
                wide, half = widened(operands)
                with np.errstate(all="ignore"):
                    return narrowed(kernel(self, *wide, **params), half)
        return kernel(self, *operands, **params)

    return wrapped
