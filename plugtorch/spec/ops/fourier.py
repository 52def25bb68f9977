"""Fourier transforms of real signals, of whose spectra half is redundant."""

from __future__ import annotations

from ..op import derived


def _cut(k, x, axis, start, stop):
    shape = x.shape
    return k.slice(x, start=(0,) * axis + (start,) + (0,) * (len(shape) - axis - 1),
                   stop=(*shape[:axis], stop, *shape[axis + 1:]), step=(1,) * len(shape))


@derived("fourier")
def rfft(k, x, *, axis):
    """The frequencies from 0 to n / 2 of the unscaled transform of a real array of n elements along one axis; the others are
    conjugates of them."""
    y = k.fft(k.complex(x, k.zeros_like(x)), axis=axis)
    return _cut(k, y, axis, 0, x.shape[axis] // 2 + 1)


@derived("fourier")
def irfft(k, x, *, axis, n):
    """The real array of n elements along one axis of which the complex array x, of ``n // 2 + 1`` elements, is the
    :func:`rfft`; scaled by 1/n. The imaginary parts of the frequency 0, and of n / 2 for even n, are not read."""
    half = n // 2 + 1
    ends = [_cut(k, x, axis, 0, 1)]
    ends[0] = k.complex(k.real(ends[0]), k.zeros_like(k.real(ends[0])))
    middle = _cut(k, x, axis, 1, half - (n % 2 == 0))
    parts = [*ends, middle]
    if n % 2 == 0:
        last = k.real(_cut(k, x, axis, half - 1, half))
        parts.append(k.complex(last, k.zeros_like(last)))
    parts.append(k.conj(k.flip(middle, axis=(axis,))))
    return k.real(k.fft(k.concat(*parts, axis=axis), axis=axis, inverse=True))
