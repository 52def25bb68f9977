"""Bessel functions of the orders 0 and 1, and the spherical one of order 0; functions of real floating tensors without
gradient."""

from __future__ import annotations

import math

from plugtorch.autograd.base import InferenceCell, wrap
from plugtorch.autograd.mode import INFERENCE, mode
from plugtorch.spec.dtypes import COMPLEX, HALF

from .dispatch import float_like, require_tensor, store
from .special_functions import horner, ratio

__all__ = ["bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "spherical_bessel_j0"]

# S. Moshier, Cephes library, j0.c and j1.c; polynomials in x^2 up to 5 (R and Y), and in 25 / x^2 beyond (P and Q), highest
# power first. The first zeros of J are factors of their own.
_J0_RP = (-4794432209.782018, 1956174919465.5657, -249248344360967.72, 9708622510473064.0)
_J0_RQ = (1.0, 499.563147152651, 173785.4016763747, 48440965.83399621, 11185553704.535683, 2112775201154.892,
          310518229857422.56, 3.1812195594320496e+16, 1.7108629408104315e+18)
_J0_PP = (0.0007969367292973471, 0.08283523921074408, 1.239533716464143, 5.447250030587687, 8.74716500199817,
          5.303240382353949, 1.0)
_J0_PQ = (0.0009244088105588637, 0.08562884743544745, 1.2535274390105895, 5.470977403304171, 8.761908832370695,
          5.306052882353947, 1.0)
_J0_QP = (-0.011366383889846916, -1.2825271867050931, -19.553954425773597, -93.20601521237683, -177.68116798048806,
          -147.07750515495118, -51.41053267665993, -6.050143506007285)
_J0_QQ = (1.0, 64.3178256118178, 856.4300259769806, 3882.4018360540163, 7240.467741956525, 5930.727011873169,
          2062.0933166032783, 242.0057402402914)
_Y0_P = (15592.436785523574, -14663929.59039716, 5435264770.518765, -982136065717.9115, 87590639439536.7,
         -3466283033847297.0, 4.4273326857256984e+16, -1.8495080043698668e+16)
_Y0_Q = (1.0, 1041.2835366425984, 626107.330137135, 268919633.39381415, 86400248710.3935, 20297961275010.555,
         3171577528429750.5, 2.5059625617265306e+17)
_J1_RP = (-899971225.7055594, 452228297998.19403, -72749424522181.83, 3682957328638529.0)
_J1_RQ = (1.0, 620.8364781180543, 256987.25675774884, 83514679.14319493, 22151159547.97925, 4749141220799.914,
          784369607876235.9, 8.952223361846274e+16, 5.322786203326801e+18)
_J1_PP = (0.0007621256162081731, 0.07313970569409176, 1.1271960812968493, 5.112079511468076, 8.424045901417724,
          5.214515986823615, 1.0)
_J1_PQ = (0.0005713231280725487, 0.06884559087544954, 1.105142326340617, 5.073863861286015, 8.399855543276042,
          5.209828486823619, 1.0)
_J1_QP = (0.05108625947501766, 4.982138729512334, 75.82382841325453, 366.7796093601508, 710.8563049989261,
          597.4896124006136, 211.68875710057213, 25.207020585802372)
_J1_QQ = (1.0, 74.23732770356752, 1056.4488603826283, 4986.410583376536, 9562.318924047562, 7997.041604473507,
          2826.1927851763908, 336.0936078106983)
_Y1_P = (1263204747.9017804, -647355876379.1603, 114509511541823.73, -8127702555013251.0, 2.024394757135949e+17,
         -7.788771962659501e+17)
_Y1_Q = (1.0, 594.3015923461282, 235564.09294306856, 73481194.44597217, 18760131610.870617, 3882312774962.3857,
         620557727146953.8, 6.871410873553005e+16, 3.9727060811656064e+18)
_J0_ZEROS = (5.78318596294678452118, 3.04712623436620863991e1)
_J1_ZEROS = (1.46819706421238932572e1, 4.92184563216946036703e1)


def without_gradient(body, name, argument="input"):
    """A function of one tensor from ``body(k, x)`` on real floating arrays, not recorded. Integers become the default dtype.

    Raises (the function):
        NotImplementedError: the dtype is complex or a half type.
    """
    def run(x, out):
        require_tensor(x, f"special_{name}", argument)
        if x.dtype.category == COMPLEX or x.dtype in HALF:
            raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{x.dtype.legacy}'")
        x = float_like(x)
        y = wrap(body(x._k, x._a), x._k)
        if mode() & INFERENCE:
            y._cell = InferenceCell((0,))
        return store(out, y)

    if argument == "x":
        def function(x, *, out=None):
            return run(x, out)
    else:
        def function(input, *, out=None):
            return run(input, out)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = body.__doc__
    return function


def constant(k, like, value):
    """An array of one number of the shape and dtype of another."""
    return k.full(shape=like.shape, value=value, dtype=k.dtype_of(like), device=k.device_of(like))


def _factored(k, z, zeros, numerator, denominator):
    y = ratio(k, z, numerator, denominator)
    return k.mul(k.mul(y, k.sub(z, zeros[0])), k.sub(z, zeros[1]))


def _hankel(k, a, tables):
    """The amplitudes of Hankel's expansion beyond 5 (Abramowitz and Stegun 9.2.5): P, Q, both divided by the root of pi a,
    and the sine and cosine of a."""
    w = k.div(5.0, a)
    z = k.mul(w, w)
    scale = k.div(1 / math.sqrt(math.pi), k.sqrt(a))
    p = k.mul(scale, ratio(k, z, *tables[:2]))
    q = k.mul(k.mul(scale, w), ratio(k, z, *tables[2:]))
    return p, q, k.sin(a), k.cos(a)


def _parts(k, x):
    """Whether at most 5, and the argument for either side, 1 and 10 where it is the other's."""
    near = k.le(x, 5.0)
    return near, k.where(near, x, constant(k, x, 1.0)), k.where(near, constant(k, x, 10.0), x)


def _j0(k, x):
    """The Bessel function of the first kind of order 0, by Moshier's rational approximations (Cephes, j0.c). The error is
    absolute near its zeros. nan at infinity."""
    near, small, large = _parts(k, k.abs(x))
    inner = _factored(k, k.mul(small, small), _J0_ZEROS, _J0_RP, _J0_RQ)
    p, q, s, c = _hankel(k, large, (_J0_PP, _J0_PQ, _J0_QP, _J0_QQ))
    return k.where(near, inner, k.sub(k.mul(p, k.add(c, s)), k.mul(q, k.sub(s, c))))


def _j1(k, x):
    """The Bessel function of the first kind of order 1, by Moshier's rational approximations (Cephes, j1.c). The error is
    absolute near its zeros. nan at infinity."""
    near, small, large = _parts(k, k.abs(x))
    inner = k.mul(small, _factored(k, k.mul(small, small), _J1_ZEROS, _J1_RP, _J1_RQ))
    p, q, s, c = _hankel(k, large, (_J1_PP, _J1_PQ, _J1_QP, _J1_QQ))
    y = k.where(near, inner, k.add(k.mul(p, k.sub(s, c)), k.mul(q, k.add(s, c))))
    return k.where(k.lt(x, 0), k.neg(y), k.where(k.eq(x, 0), x, y))


def _of_positive(k, x, y):
    return k.where(k.lt(x, 0), math.nan, k.where(k.eq(x, 0), -math.inf, y))


def _y0(k, x):
    """The Bessel function of the second kind of order 0, by Moshier's rational approximations (Cephes, j0.c): minus infinity
    at 0, nan under it and at infinity."""
    near, small, large = _parts(k, k.where(k.lt(0, x), x, k.where(k.ne(x, x), x, constant(k, x, 1.0))))
    inner = k.add(ratio(k, k.mul(small, small), _Y0_P, _Y0_Q), k.mul(k.mul(k.log(small), 2 / math.pi), _j0(k, small)))
    p, q, s, c = _hankel(k, large, (_J0_PP, _J0_PQ, _J0_QP, _J0_QQ))
    return _of_positive(k, x, k.where(near, inner, k.add(k.mul(p, k.sub(s, c)), k.mul(q, k.add(s, c)))))


def _y1(k, x):
    """The Bessel function of the second kind of order 1, by Moshier's rational approximations (Cephes, j1.c): minus infinity
    at 0, nan under it and at infinity."""
    near, small, large = _parts(k, k.where(k.lt(0, x), x, k.where(k.ne(x, x), x, constant(k, x, 1.0))))
    singular = k.sub(k.mul(_j1(k, small), k.log(small)), k.div(1, small))
    inner = k.add(k.mul(small, ratio(k, k.mul(small, small), _Y1_P, _Y1_Q)), k.mul(singular, 2 / math.pi))
    p, q, s, c = _hankel(k, large, (_J1_PP, _J1_PQ, _J1_QP, _J1_QQ))
    return _of_positive(k, x, k.where(near, inner, k.sub(k.mul(q, k.sub(s, c)), k.mul(p, k.add(s, c)))))


def _spherical(k, x):
    """``sin(x) / x``, the spherical Bessel function of order 0: 1 at 0, and 0 at infinity."""
    near, far = k.lt(k.abs(x), 0.5), k.eq(k.abs(x), math.inf)
    small = k.where(near, x, constant(k, x, 0.0))
    series = horner(k, k.mul(small, small), [(-1) ** i / math.factorial(2 * i + 1) for i in range(6, -1, -1)])
    large = k.where(k.bit_or(near, far), constant(k, x, 1.0), x)
    return k.where(near, series, k.where(far, 0.0, k.div(k.sin(large), large)))


bessel_j0, bessel_j1 = without_gradient(_j0, "bessel_j0"), without_gradient(_j1, "bessel_j1")
bessel_y0, bessel_y1 = without_gradient(_y0, "bessel_y0"), without_gradient(_y1, "bessel_y1")
spherical_bessel_j0 = without_gradient(_spherical, "spherical_bessel_j0", "x")
