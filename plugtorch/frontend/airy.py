"""Airy's function Ai, of real floating tensors without gradient."""

from __future__ import annotations

import math

from .bessel import constant, without_gradient
from .special_functions import horner, ratio

__all__ = ["airy_ai"]

# S. Moshier, Cephes library, airy.c; from 2.09 on polynomials in 1 / zeta, under -2.09 in 1 / zeta^2, highest power first,
# with zeta = 2/3 |x|^(3/2).
_DECAY_P = (0.346538101525629, 12.007595273964581, 76.27960536152345, 168.08922493463058, 159.75639135016442,
            70.53609068404442, 14.026469116338967, 1.0)
_DECAY_Q = (0.5675945326387702, 14.75625625848472, 84.51389701414746, 177.31808814540045, 164.2346928715297,
            71.47784008255756, 14.095913560783403, 1.0)
_EVEN_P = (-0.1316963234183318, -0.6264565444319123, -0.6931580360369335, -0.2797799815451191, -0.04919001326095003,
           -0.004062659235948854, -0.0001592764962392621, -2.776491081552329e-06, -1.6778769848911465e-08)
_EVEN_Q = (1.0, 13.356042070655324, 32.682503279522464, 26.736704094149957, 9.187074029072596, 1.4752914677166642,
           0.11568717379518804, 0.004402916416152112, 7.547203482874142e-05, 4.5185009297058035e-07)
_ODD_P = (0.01973399320916857, 0.39110302961568827, 1.0657989759959559, 0.9391692298166502, 0.35146565610554764,
          0.06338889196289255, 0.005858041130483885, 0.000282851600836737, 6.98793669997261e-06, 8.117892395543892e-08,
          3.415517847659236e-10)
_ODD_Q = (1.0, 9.30892908077442, 19.835292871831214, 15.564662893286462, 5.476860694229755, 0.9542936116189619,
          0.08645808263523921, 0.004126565238242226, 0.00010125908511650914, 1.1716673321441352e-06, 4.9183457006293e-09)
_EDGE = 2.09
_LAST = 103.892  # beyond it the value is 0 in double precision
_TERMS = 14
_AT_ZERO, _SLOPE = 0.355028053887817239260, 0.258819403792806798405


def _series():
    """The coefficients in x^3 of the two power series (Abramowitz and Stegun 10.4.3), highest power first."""
    f, g = [1.0], [1.0]
    for i in range(1, _TERMS):
        f.append(f[-1] / ((3 * i - 1) * 3 * i))
        g.append(g[-1] / (3 * i * (3 * i + 1)))
    return f[::-1], g[::-1]


_F, _G = _series()


def _airy(k, x):
    """Airy's function Ai, a solution of ``y'' = x y`` that falls off to the right: its power series around 0
    (Abramowitz and Stegun 10.4.2), Moshier's rational approximations outside (Cephes, airy.c). 0 beyond 103.892, nan at
    infinity."""
    a = k.abs(x)
    outside = k.bit_and(k.le(_EDGE, a), k.lt(a, math.inf))
    large = k.where(outside, a, constant(k, x, 4.0))
    root = k.sqrt(large)
    zeta = k.mul(k.mul(large, root), 2 / 3)
    inverse = k.div(1, zeta)
    square = k.mul(inverse, inverse)
    amplitude = k.div(1 / math.sqrt(math.pi), k.sqrt(root))
    decay = k.mul(k.mul(k.mul(amplitude, 0.5), ratio(k, inverse, _DECAY_P, _DECAY_Q)), k.exp(k.neg(zeta)))
    angle = k.add(zeta, math.pi / 4)
    even = k.add(k.mul(square, ratio(k, square, _EVEN_P, _EVEN_Q)), 1)
    odd = k.mul(inverse, ratio(k, square, _ODD_P, _ODD_Q))
    waves = k.mul(amplitude, k.sub(k.mul(k.sin(angle), even), k.mul(k.cos(angle), odd)))
    small = k.where(outside, constant(k, x, 0.0), x)
    cube = k.mul(k.mul(small, small), small)
    inner = k.sub(k.mul(horner(k, cube, _F), _AT_ZERO), k.mul(k.mul(small, horner(k, cube, _G)), _SLOPE))
    outer = k.where(k.lt(x, 0), waves, k.where(k.lt(_LAST, x), 0.0, decay))
    return k.where(k.eq(a, math.inf), math.nan, k.where(outside, outer, inner))


airy_ai = without_gradient(_airy, "airy_ai", "x")
