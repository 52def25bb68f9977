"""The block transform of float32 normals: Box-Muller with the Cephes single precision functions.

Sixteen uniforms become sixteen normals: the first eight give the radii, the last eight the angles.
Logarithm, sine and cosine are the polynomials of the Cephes library (S. L. Moshier, ``logf``, ``sinf``,
``cosf``), evaluated in float32 with fused multiply-adds, so that every bit is that of PyTorch on
processors with AVX2 or AVX-512.

NumPy has no float32 fused multiply-add. Here the product is formed in float64, where it is exact, and the
sum is rounded twice, to 53 bits and then to 24. A uniform has 24 bits, so each polynomial is a function
of 2**24 possible arguments: on none of them do the two roundings differ from one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from plugtorch.frontend.random.rounding import fma32

#: Uniforms per block.
BLOCK = 16

# Pairs handled at a time: the float64 scratch then stays in the second-level cache.
_PAIRS = 8192


def _floats(*coefficients: float) -> tuple[float, ...]:
    return tuple(float(np.float32(c)) for c in coefficients)


_LOG = _floats(
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
_COS = _floats(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_SIN = _floats(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_MINUS_PI_4 = _floats(-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)
_LN2_HIGH = 0.693359375
_LN2_LOW = np.float32(-2.12194440e-4)
_FOUR_OVER_PI = np.float32(1.27323954473516)
_TWO_PI = np.float32(2.0 * math.pi)
_SQRT_HALF = np.int32(0x3F3504F3)  # the bits of float32 sqrt(1/2)


class Workspace:
    """Scratch for ``pairs`` pairs, and the two halves of the transform on it."""

    def __init__(self, pairs: int) -> None:
        self.wide = [np.empty(pairs, np.float64) for _ in range(4)]
        self.narrow = [np.empty(pairs, np.float32) for _ in range(4)]
        self.ints = [np.empty(pairs, np.int32) for _ in range(3)]

    def radius(self, ticks: np.ndarray) -> np.ndarray:
        """sqrt(-2 log(1 - ticks / 2**24)), float32; ``ticks``: int32 in [0, 2**24). Reuses ``narrow[0]``."""
        n = ticks.size
        x, y, product, exponent = (a[:n] for a in self.wide)
        x32, y32, z32, e32 = (a[:n] for a in self.narrow)
        bits = self.ints[0][:n]
        # 1 - u in units of 2**-24 is an integer; write it as m * 2**e with sqrt(1/2) <= m < sqrt(2).
        np.subtract(np.int32(1 << 24), ticks, out=bits)
        np.copyto(x32, bits, casting="same_kind")
        np.subtract(x32.view(np.int32), _SQRT_HALF, out=bits)
        np.right_shift(bits, 23, out=self.ints[1][:n])
        np.subtract(self.ints[1][:n], 24, out=self.ints[1][:n])
        np.copyto(e32, self.ints[1][:n], casting="same_kind")
        np.copyto(exponent, e32)
        np.bitwise_and(bits, 0x7FFFFF, out=bits)
        np.add(bits, _SQRT_HALF, out=bits)
        np.subtract(bits.view(np.float32), np.float32(1.0), out=x32)
        np.copyto(x, x32)
        np.multiply(x32, x32, out=z32)
        np.multiply(x, _LOG[0], out=product)
        np.add(product, _LOG[1], out=product)
        for coefficient in _LOG[2:]:
            np.copyto(y32, product, casting="same_kind")
            np.copyto(y, y32)
            np.multiply(y, x, out=product)
            np.add(product, coefficient, out=product)
        np.copyto(y32, product, casting="same_kind")
        np.multiply(y32, x32, out=y32)
        np.copyto(y, y32)
        np.copyto(x, z32)
        np.multiply(y, x, out=product)
        np.multiply(e32, _LN2_LOW, out=y32)
        np.copyto(y, y32)
        np.add(product, y, out=product)
        np.copyto(y32, product, casting="same_kind")
        np.copyto(y, y32)
        np.multiply(x, -0.5, out=x)
        np.add(x, y, out=product)
        np.copyto(y32, product, casting="same_kind")
        np.add(x32, y32, out=x32)
        np.copyto(x, x32)
        np.multiply(exponent, _LN2_HIGH, out=exponent)
        np.add(exponent, x, out=product)
        np.copyto(x32, product, casting="same_kind")
        np.multiply(x32, np.float32(-2.0), out=x32)
        return np.sqrt(x32, out=x32)

    def circle(self, ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """cos and sin of 2 pi ticks / 2**24, float32; ``ticks``: int32 in [0, 2**24). Uses ``narrow[1:]``."""
        n = ticks.size
        t, z, product, y = (a[:n] for a in self.wide)
        s32, c32, z32 = (a[:n] for a in self.narrow[1:])
        octant, sign, swap = (a[:n] for a in self.ints)
        np.copyto(s32, ticks, casting="same_kind")
        np.multiply(s32, np.float32(2.0**-24), out=s32)
        np.multiply(s32, _TWO_PI, out=s32)
        np.multiply(s32, _FOUR_OVER_PI, out=c32)
        np.copyto(octant, c32, casting="unsafe")
        np.add(octant, 1, out=octant)
        np.bitwise_and(octant, -2, out=octant)
        np.copyto(y, octant)
        np.copyto(t, s32)
        for part in _MINUS_PI_4:
            np.multiply(y, part, out=product)
            np.add(t, product, out=t)
            np.copyto(s32, t, casting="same_kind")
            np.copyto(t, s32)
        np.multiply(s32, s32, out=z32)
        np.copyto(z, z32)

        np.multiply(z, _COS[0], out=product)
        np.add(product, _COS[1], out=product)
        np.copyto(c32, product, casting="same_kind")
        np.copyto(y, c32)
        np.multiply(y, z, out=product)
        np.add(product, _COS[2], out=product)
        np.copyto(c32, product, casting="same_kind")
        np.multiply(c32, z32, out=c32)
        np.copyto(y, c32)
        np.multiply(y, z, out=product)
        np.multiply(z, -0.5, out=y)
        np.add(product, y, out=product)
        np.copyto(c32, product, casting="same_kind")
        np.add(c32, np.float32(1.0), out=c32)

        np.multiply(z, _SIN[0], out=product)
        np.add(product, _SIN[1], out=product)
        np.copyto(s32, product, casting="same_kind")
        np.copyto(y, s32)
        np.multiply(y, z, out=product)
        np.add(product, _SIN[2], out=product)
        np.copyto(s32, product, casting="same_kind")
        np.multiply(s32, z32, out=s32)
        np.copyto(y, s32)
        np.multiply(y, t, out=product)
        np.add(product, t, out=product)
        np.copyto(s32, product, casting="same_kind")

        # Octants 2 and 6 exchange sine and cosine; the signs are set by their sign bits.
        s, c = s32.view(np.int32), c32.view(np.int32)
        np.left_shift(octant, 30, out=swap)
        np.right_shift(swap, 31, out=swap)
        np.bitwise_xor(s, c, out=sign)
        np.bitwise_and(swap, sign, out=swap)
        np.bitwise_xor(s, swap, out=s)
        np.bitwise_xor(c, swap, out=c)
        np.bitwise_and(octant, 4, out=sign)
        np.left_shift(sign, 29, out=sign)
        np.bitwise_xor(s, sign, out=s)
        np.subtract(octant, 2, out=sign)
        np.invert(sign, out=sign)
        np.bitwise_and(sign, 4, out=sign)
        np.left_shift(sign, 29, out=sign)
        np.bitwise_xor(c, sign, out=c)
        return c32, s32


def fill_blocks(draw: Callable[[int], np.ndarray], out: np.ndarray, mean: float, std: float) -> None:
    """Fill ``out`` (1-D contiguous float32, a multiple of 16 long) with normals made of ``draw(n)``'s words.

    ``draw`` gives uint64 arrays of 32-bit words. ``mean`` and ``std`` are rounded to float32 first.
    """
    mean, std = float(np.float32(mean)), float(np.float32(std))
    plain = mean == 0.0 and std == 1.0
    half_block = np.dtype("V32")  # eight four-byte values
    work = Workspace(min(_PAIRS, out.size // 2))
    for start in range(0, out.size, 2 * _PAIRS):
        part = out[start : start + 2 * _PAIRS]
        words = draw(part.size)
        words &= np.uint64(0xFFFFFF)
        ticks = words.astype(np.int32).view(half_block)
        radius = work.radius(ticks[0::2].copy().view(np.int32))
        for which, unit in enumerate(work.circle(ticks[1::2].copy().view(np.int32))):
            np.multiply(radius, unit, out=unit)
            if plain:
                np.add(unit, np.float32(0.0), out=unit)  # -0 + 0 is 0
            else:
                unit = fma32(unit, std, mean)
            part.view(half_block)[which::2] = unit.view(half_block)
