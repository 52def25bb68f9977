"""Gradients of the transforms of real signals: their adjoints, in which every redundant frequency counts once."""

from __future__ import annotations

from ..plans import defvjp


def _rfft(k, g, x_shape, axis):
    n, shape = x_shape[axis], g.shape
    rest = [0] * len(shape)
    rest[axis] = n - shape[axis]
    full = k.pad(g, lo=(0,) * len(shape), hi=tuple(rest), value=0)
    return k.real(k.mul(k.fft(full, axis=axis, inverse=True), n))


def _irfft(k, g, x_shape, axis, n):
    y = k.div(k.rfft(g, axis=axis), n)
    count = n // 2 + 1
    place = k.arange(start=0, stop=count, step=1, dtype=k.dtype_of(g), device=k.device_of(g))
    place = k.reshape(place, shape=(count,) + (1,) * (len(x_shape) - axis - 1))
    middle = k.bit_and(k.lt(0, place), k.lt(k.mul(place, 2), n))  # of n / 2 itself there is but one
    return k.mul(y, k.cast(k.add(k.cast(middle, dtype=k.dtype_of(g)), 1), dtype=k.dtype_of(y)))


defvjp("rfft", x=_rfft)
defvjp("irfft", x=_irfft)
