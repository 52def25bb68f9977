"""Shape kernels over ``xp``."""

from __future__ import annotations


def as_slices(start, stop, step):
    return tuple(map(slice, start, stop, step))


class ShapeKernels:
    """Primitives that rearrange elements."""

    def reshape(self, x, *, shape):
        return x.reshape(shape)

    def permute(self, x, *, axes):
        return x.transpose(axes)

    def broadcast_to(self, x, *, shape):
        return self.xp.broadcast_to(x, shape)

    def slice(self, x, *, start, stop, step):
        return self.array(x[as_slices(start, stop, step)])

    def select(self, x, *, axis, index):
        return x[(slice(None),) * axis + (index, ...)]

    def pad(self, x, *, lo, hi, value=0):
        crop = tuple(slice(max(0, -a), n - max(0, -b)) for n, a, b in zip(x.shape, lo, hi, strict=True))
        x = x[crop]
        shape = tuple(n + max(0, a) + max(0, b) for n, a, b in zip(x.shape, lo, hi, strict=True))
        y = self.full(shape=shape, value=value, dtype=self.dtype_of(x), device=self.device_of(x))
        inside = tuple(slice(max(0, a), max(0, a) + n) for n, a in zip(x.shape, lo, strict=True))
        return self._written(y, inside, x)

    def _written(self, fresh, where, value):
        """``fresh`` with a block set; fresh belongs to the caller and may be written."""
        fresh[where] = value
        return fresh

    def flip(self, x, *, axis):
        return self.xp.flip(x, axis=axis).copy() if axis else x.copy()

    def concat(self, *xs, axis):
        return self.xp.concatenate(xs, axis=axis)

    def tril(self, x, *, diagonal=0):
        return self.xp.tril(x, diagonal)

    def triu(self, x, *, diagonal=0):
        return self.xp.triu(x, diagonal)
