"""The NumPy backend: kernels of the op spec on NumPy arrays."""

from __future__ import annotations

import numpy as np

from plugtorch.spec.abstract import is_number
from plugtorch.spec.xp import XPBackend
from plugtorch.spec.xp.base import wrap_integer
from plugtorch.spec.xp.strided import StridedViews

from .elementwise import MANY, NumpyElementwise, extreme_of_number
from .hot import NumpyHot
from .index import NumpyIndex
from .layers import NumpyActivations, NumpyAttention, NumpyConvolution, NumpyNormalisation, NumpyPooling
from .linalg import NumpyLinalg
from .optimizers import NumpyOptimizers
from .program import compiled_program
from .quiet import QUIET
from .recurrent import NumpyRecurrent
from .reduction import NumpyReduction
from .sparse import NumpySparse

ndarray = np.ndarray


class NumpyArrays(XPBackend, xp=np, array_type=np.ndarray):
    """What the shared kernels give on NumPy."""


class NumpyBackend(
    NumpyHot, NumpyElementwise, NumpyReduction, NumpyIndex, NumpyLinalg, NumpyActivations, NumpyAttention,
    NumpyConvolution, NumpyPooling, NumpyNormalisation, NumpyRecurrent, NumpySparse, NumpyOptimizers, StridedViews,
    NumpyArrays,
):
    """Host arrays: mutable, with views that share memory."""

    name = "numpy"
    aliases = True
    library_version = np.__version__

    def assign(self, target, value):
        if type(value) is ndarray:
            if value.dtype is not target.dtype:
                value = self.cast(value, dtype=self.dtype_of(target))
        elif target.dtype.kind in "iu" and is_number(value):
            value = wrap_integer(int(value.real), self.dtype_of(target))
        np.copyto(target, value, casting="unsafe")

    def update(self, name, target, *operands):
        ufunc = UPDATES.get(name)
        if ufunc is None or target.dtype.itemsize < 4:
            return False
        for o in operands:
            if type(o) is ndarray:
                if o.dtype is not target.dtype or (o.shape != target.shape and o.ndim):
                    return False
            elif not is_number(o):
                return False
        try:
            if name in EXTREMES and is_number(operands[0]) and target.size >= MANY and target.dtype.kind == "f":
                QUIET.run(extreme_of_number, ufunc, target, operands[0], target)
            else:
                QUIET.run(ufunc, target, *operands, out=target)
        except OverflowError:
            return False
        return True

    def compile_program(self, program):
        return compiled_program(self, program)

    def adopt(self, array, *, device):
        return array

    def share(self, array):
        return array

    def owns(self, x):
        return x.base is None

    def address_of(self, x):
        return x.__array_interface__["data"][0]

    def cast(self, x, *, dtype):
        native = dtype.numpy
        source = x.dtype
        if source is native or source == native:
            return x
        if source.kind == "c" and native.kind not in "cb":
            x = x.real
        if native.kind in "iu" and source.kind not in "iub" and native.itemsize < 8:
            x = QUIET.run(x.astype, np.int64)  # wraps to the width, as PyTorch does inside int64's range
        return QUIET.run(x.astype, native)

    def broadcast_to(self, x, *, shape):
        # NumPy's own function takes ten times as long, and its result cannot be written to through a part of it.
        new = len(shape) - x.ndim
        strides = (*(0,) * new, *[s if n == m else 0 for s, n, m in zip(x.strides, x.shape, shape[new:])])
        if not x.flags.forc or any(n != m and n != 1 for n, m in zip(x.shape, shape[new:])):
            y = np.broadcast_to(x, shape)
            y.flags.writeable = x.flags.writeable
            return y
        return ndarray(shape, x.dtype, x, 0, strides)

    def strides_of(self, x):
        size = x.itemsize
        return tuple(s // size for s in x.strides)


def _clip(x, low, high, out):
    return x.clip(low, high, out=out)  # in a fifth of the time of maximum and minimum


UPDATES = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide, "neg": np.negative,
    "exp": np.exp, "sqrt": np.sqrt, "maximum": np.maximum, "minimum": np.minimum, "abs": np.absolute, "clamp": _clip,
}
EXTREMES = frozenset({"maximum", "minimum"})
