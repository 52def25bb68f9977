"""The few kernels that small programs spend their time in, by the shortest way into NumPy's loops.

An operator costs less than a call of the ufunc of the same name, and ``a.dot(b)`` less than ``matmul``. These kernels
do not enter the silent context of ``quiet.py``, which would add half of their own time; the overflow warning that a
sum or product may give is filtered for this module alone.
"""

from __future__ import annotations

import warnings

import numpy as np

from .threads import ALONE, shared_product

ndarray, asarray = np.ndarray, np.asarray
warnings.filterwarnings("ignore", category=RuntimeWarning, module=__name__.replace(".", r"\."))


class NumpyHot:
    """add, sub, mul, mul_conj and matmul."""

    def add(self, a, b):
        if type(a) is ndarray is type(b):
            y = a + b
        else:
            y = self._with_number(np.add, a, b)
        return y if type(y) is ndarray else asarray(y)

    def accumulate(self, into, x):
        into += x
        return into

    def sub(self, a, b):
        if type(a) is ndarray is type(b):
            y = a - b
        else:
            y = self._with_number(np.subtract, a, b)
        return y if type(y) is ndarray else asarray(y)

    def mul(self, a, b):
        if type(a) is ndarray is type(b):
            y = a * b
        else:
            y = self._with_number(np.multiply, a, b)
        return y if type(y) is ndarray else asarray(y)

    def mul_conj(self, a, b):
        if type(a) is ndarray is type(b):
            if b.dtype.kind == "c":
                b = np.conjugate(b)
            y = a * b
            return y if type(y) is ndarray else asarray(y)
        return self.mul(a, b.conjugate())

    def matmul(self, a, b):
        if a.ndim == 2 == b.ndim and a.dtype.kind in "fc" and a.itemsize >= 4:
            try:
                return a.dot(b) if a.size * b.shape[1] <= ALONE else shared_product(a, b)
            except ValueError:
                pass
        return self._general_matmul(a, b)
