"""Views by strides, for libraries whose arrays are mutable and addressable by strides."""

from __future__ import annotations

from ..abstract import is_number
from ..dtypes import INT
from .base import wrap_integer


class StridedViews:
    """What ``aliases = True`` needs: writing, and the derived view ops as real views that copy no element."""

    def assign(self, target, value):
        dtype = self.dtype_of(target)
        if not is_number(value):
            value = self.cast(value, dtype=dtype)
        elif dtype.category == INT:
            value = wrap_integer(int(value.real), dtype)
        target[...] = value

    def broadcast_to(self, x, *, shape):
        y = self.xp.broadcast_to(x, shape)
        if not getattr(y.flags, "writeable", True):  # NumPy's: a part of it may be written to, as PyTorch's
            y.flags.writeable = x.flags.writeable
        return y

    def _strided(self, x, shape, strides):
        return self.xp.lib.stride_tricks.as_strided(x, shape=shape, strides=strides)

    def view_as_real(self, x):
        return x[..., None].view(x.real.dtype)

    def view_as_complex(self, x):
        native = self.native(self.dtype_of(x).to_complex())
        if native.itemsize != 2 * x.itemsize:  # half the size of the smallest complex dtype
            return self.complex(x[..., 0], x[..., 1])
        if x.strides[-1] != x.itemsize:
            x = self.copy(x)
        return x.view(native)[..., 0]

    def diagonal(self, x, *, offset, axis1, axis2):
        rows, cols = x.shape[axis1], x.shape[axis2]
        n = max(0, min(rows, cols - offset) if offset >= 0 else min(rows + offset, cols))
        start = [slice(None)] * x.ndim
        start[axis1], start[axis2] = slice(max(0, -offset), None), slice(max(0, offset), None)
        cut = x[tuple(start)]
        keep = [i for i in range(x.ndim) if i not in (axis1, axis2)]
        shape = (*(x.shape[i] for i in keep), n)
        if n == 0:
            return self.xp.empty(shape, x.dtype)
        strides = (*(cut.strides[i] for i in keep), cut.strides[axis1] + cut.strides[axis2])
        return self._strided(cut, shape, strides)

    def unfold_dim(self, x, *, axis, size, step):
        if not x.ndim:
            return self._strided(x, (size,), (x.itemsize,))
        count = (x.shape[axis] - size) // step + 1
        shape = (*x.shape[:axis], count, *x.shape[axis + 1:], size)
        strides = (*x.strides[:axis], x.strides[axis] * step, *x.strides[axis + 1:], x.strides[axis])
        return self._strided(x, shape, strides)

    def as_strided(self, x, *, shape, strides, offset):
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        if all(shape) and (offset < 0 or last >= x.size):
            raise RuntimeError(f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset {offset} "
                               f"requiring a storage size of {last + 1} elements are out of bounds for storage of size "
                               f"{x.size}")
        flat = x.reshape(-1)[min(offset, x.size):]
        return self._strided(flat, tuple(shape), tuple(s * x.itemsize for s in strides))
