"""Kernels of the op spec on NumPy arrays."""

from __future__ import annotations

import numpy as np

from plugtorch.spec import Abstract, infer
from plugtorch.spec.abstract import is_number
from plugtorch.spec.xp import XPBackend

ndarray = np.ndarray


class NumpyBackend(XPBackend, xp=np, array_type=np.ndarray):
    """Host arrays: mutable, with views that share memory."""

    name = "numpy"
    aliases = True
    library_version = np.__version__

    def assign(self, target, value):
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
        ufunc(target, *operands, out=target)
        return True

    # The operators are the shortest way into NumPy's loops: less than a call of the function of the same name.

    def add(self, a, b):
        try:
            y = a + b
        except OverflowError:
            return self.overflowing(np.add, a, b)
        return y if type(y) is ndarray else np.asarray(y)

    def sub(self, a, b):
        try:
            y = a - b
        except OverflowError:
            return self.overflowing(np.subtract, a, b)
        return y if type(y) is ndarray else np.asarray(y)

    def mul(self, a, b):
        try:
            y = a * b
        except OverflowError:
            return self.overflowing(np.multiply, a, b)
        return y if type(y) is ndarray else np.asarray(y)

    def mul_conj(self, a, b):
        if type(b) is not ndarray:
            b = b.conjugate()
        elif b.dtype.kind == "c":
            b = np.conjugate(b)
        y = a * b
        return y if type(y) is ndarray else np.asarray(y)

    def matmul(self, a, b):
        if a.ndim == 2 == b.ndim and a.dtype.kind in "fc" and a.itemsize >= 4:
            return a.dot(b)
        return self._general_matmul(a, b)

    def _general_matmul(self, a, b):
        if a.shape[-1] != b.shape[-2]:
            infer("matmul", Abstract(a.shape, self.dtype_of(a)), Abstract(b.shape, self.dtype_of(b)))
        if a.dtype.itemsize == 2 and a.dtype.kind not in "iu":  # half: accumulated in float32
            return np.matmul(a.astype(np.float32), b.astype(np.float32)).astype(a.dtype)
        return np.matmul(a, b)

    def adjoint(self, x):
        y = x.T if x.ndim == 2 else x.swapaxes(-1, -2)
        return y if y.dtype.kind != "c" else np.conjugate(y)

    def strides_of(self, x):
        size = x.itemsize
        return tuple(s // size for s in x.strides)


UPDATES = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide, "neg": np.negative,
    "exp": np.exp, "sqrt": np.sqrt, "maximum": np.maximum, "minimum": np.minimum, "abs": np.absolute,
}
