"""Products and factorisations on NumPy arrays."""

from __future__ import annotations

import functools
from math import prod

import numpy as np

from plugtorch.spec import Abstract, infer
from plugtorch.spec.xp.linalg import LinalgKernels

from .half import F32, is_half
from .quiet import QUIET, silent
from .threads import _controller, shared_product

# A product of few float32 rows with a transposed weight: OpenBLAS's kernels for AVX-512 rearrange the whole weight for it,
# which takes them longer than to multiply. The transposed product has the weight in the order that they read. Products of up
# to SMALL multiplications are not rearranged.
FEW, SMALL = 128, 1_000_000
AVX512 = "SkylakeX", "Cooperlake", "SapphireRapids"


@functools.cache
def _rearranges_slowly():
    return any(getattr(library, "architecture", None) in AVX512 for library in _controller().lib_controllers)


class NumpyLinalg(LinalgKernels):
    """Linear algebra; half precisions accumulate in float32."""

    def matmul(self, a, b):
        if a.ndim == 2 == b.ndim and a.dtype.kind in "fc" and a.itemsize >= 4:
            try:
                return QUIET.run(a.dot, b)
            except ValueError:
                pass
        return self._general_matmul(a, b)

    def _general_matmul(self, a, b):
        if a.shape[-1] != b.shape[-2]:
            infer("matmul", Abstract(a.shape, self.dtype_of(a)), Abstract(b.shape, self.dtype_of(b)))
        if is_half(a):
            return QUIET.run(np.matmul, a.astype(F32), b.astype(F32)).astype(a.dtype)
        return QUIET.run(np.matmul, a, b)

    def adjoint(self, x):
        y = x.T if x.ndim == 2 else x.swapaxes(-1, -2)
        return y if y.dtype.kind != "c" else np.conjugate(y)

    lu = silent(LinalgKernels.lu)
    det = silent(LinalgKernels.det)
    slogdet = silent(LinalgKernels.slogdet)
    solve = silent(LinalgKernels.solve)
    eig = silent(LinalgKernels.eig)
    fft, rfft, irfft = silent(LinalgKernels.fft), silent(LinalgKernels.rfft), silent(LinalgKernels.irfft)

    def geqrf(self, a):
        if 0 in a.shape:
            return super().geqrf(a)
        packed, tau = np.linalg.qr(a, mode="raw")
        return np.ascontiguousarray(packed.swapaxes(-1, -2)), tau

    def linear(self, x, w, b):
        if x.ndim != 2:
            return self.linear(_rows(x), w, b).reshape(*x.shape[:-1], w.shape[0])
        if is_half(x):
            return self.linear(x.astype(F32), w.astype(F32), None if b is None else b.astype(F32)).astype(x.dtype)
        rows, width = x.shape
        if 1 < rows <= FEW and 4 * rows <= width == w.shape[1] and rows * w.size > SMALL and (
                x.dtype.char == w.dtype.char == "f") and _rearranges_slowly():
            y = np.ascontiguousarray(QUIET.run(shared_product, w, x.T).T)
        else:
            y = self.matmul(x, w.T)
        return y if b is None else QUIET.run(np.add, y, b, y)

    def linear_weight(self, g, x):
        if g.ndim != 2:
            g, x = _rows(g), _rows(x)
        return self.matmul(g.T, x if x.dtype.kind != "c" else x.conj())


def _rows(x):
    """``(rows, n)`` from ``(..., n)``, with no rows or no columns too."""
    return x.reshape(prod(x.shape[:-1]), x.shape[-1])
