"""Modified Bessel functions of the orders 0 and 1, of real floating tensors without gradient.

:func:`plugtorch.special.i0` and ``i1`` have the values of the first kind, gradients, and finite limits at infinity.
"""

from __future__ import annotations

import math

from .bessel import constant, without_gradient
from .special_functions import first_kind_i0, first_kind_i1, horner

__all__ = [
    "modified_bessel_i0", "modified_bessel_i1", "modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1",
]

# S. Moshier, Cephes library, k0.c and k1.c: coefficients of Chebyshev polynomials, of x^2 - 2 up to 2 and of 8 / x - 2
# beyond, highest degree first; the last one counts half.
_K0_NEAR = (1.374465435613523e-16, 4.25981614279661e-14, 1.0349695257633842e-11, 1.904516377220209e-09,
            2.5347910790261494e-07, 2.286212103119452e-05, 0.001264615411446926, 0.0359799365153615, 0.3442898999246285,
            -0.5353273932339028)
_K0_FAR = (5.300433772686263e-18, -1.6475804301524212e-17, 5.2103915050390274e-17, -1.678231096805412e-16,
           5.512055978524319e-16, -1.848593377343779e-15, 6.3400764774050706e-15, -2.2275133269916698e-14,
           8.032890775363575e-14, -2.9800969231727303e-13, 1.140340588208475e-12, -4.514597883373944e-12,
           1.8559491149547177e-11, -7.957489244477107e-11, 3.577397281400301e-10, -1.69753450938906e-09,
           8.574034017414225e-09, -4.660489897687948e-08, 2.766813639445015e-07, -1.8317555227191195e-06,
           1.39498137188765e-05, -0.00012849549581627802, 0.0015698838857300533, -0.0314481013119645, 2.4403030820659555)
_K1_NEAR = (-7.023863479386288e-18, -2.427449850519366e-15, -6.666901694199329e-13, -1.4114883926335278e-10,
            -2.213387630734726e-08, -2.4334061415659684e-06, -0.0001730288957513052, -0.006975723859639864,
            -0.12261118082265715, -0.3531559607765449, 1.5253002273389478)
_K1_FAR = (-5.756744483665017e-18, 1.7940508731475592e-17, -5.689462558442859e-17, 1.838093544366639e-16,
           -6.057047248373319e-16, 2.038703165624334e-15, -7.019837090418314e-15, 2.4771544244813043e-14,
           -8.976705182324994e-14, 3.3484196660784293e-13, -1.2891739609510289e-12, 5.13963967348173e-12,
           -2.1299678384275683e-11, 9.218315187605006e-11, -4.1903547593418965e-10, 2.015049755197033e-09,
           -1.0345762465678097e-08, 5.7410841254500495e-08, -3.5019606030878126e-07, 2.406484947837217e-06,
           -1.936197974166083e-05, 0.00019521551847135162, -0.002857816859622779, 0.10392373657681724, 2.7206261904844427)

_TERMS = 14  # of the power series of I up to 2


def _chebyshev(k, x, coefficients):
    """Clenshaw's recurrence for a sum of Chebyshev polynomials of x / 2."""
    before, last, y = None, None, constant(k, x, coefficients[0])
    for c in coefficients[1:]:
        before, last = last, y
        y = k.add(k.mul(x, last) if before is None else k.sub(k.mul(x, last), before), c)
    return k.mul(k.sub(y, before), 0.5)


def _first_kind(k, x, order):
    """I of order 0 or 1 up to 2, by its power series (Abramowitz and Stegun 9.6.10)."""
    quarter = k.mul(k.mul(x, x), 0.25)
    terms = [1 / (math.factorial(i) * math.factorial(i + order)) for i in range(_TERMS, -1, -1)]
    y = horner(k, quarter, terms)
    return k.mul(k.mul(y, x), 0.5) if order else y


def _second_kind(order, near_table, far_table, scaled):
    def body(k, x):
        near = k.le(x, 2.0)
        ones = constant(k, x, 1.0)
        small = k.where(k.bit_and(near, k.lt(0, x)), x, ones)
        series = _chebyshev(k, k.sub(k.mul(small, small), 2.0), near_table)
        log = k.mul(k.log(k.mul(small, 0.5)), _first_kind(k, small, order))
        inner = k.add(k.div(series, small), log) if order else k.sub(series, log)
        large = k.where(near, k.mul(ones, 4.0), x)
        outer = k.div(_chebyshev(k, k.sub(k.div(8.0, large), 2.0), far_table), k.sqrt(large))
        if scaled:
            inner = k.mul(inner, k.exp(small))
        else:
            outer = k.mul(outer, k.exp(k.neg(large)))
        y = k.where(near, inner, outer)
        return k.where(k.lt(x, 0), math.nan, k.where(k.eq(x, 0), math.inf, y))

    body.__doc__ = (f"{'``exp(x)`` times the' if scaled else 'The'} modified Bessel function of the second kind of order "
                    f"{order}, by Moshier's Chebyshev series (Cephes, k{order}.c): infinite at 0, nan under it.")
    return body


def _finite(first_kind, order):
    def body(k, x):
        far = k.eq(k.abs(x), math.inf)
        return k.where(far, math.nan, first_kind(k, k.where(far, constant(k, x, 1.0), x)))

    body.__doc__ = f"The modified Bessel function of the first kind of order {order}; nan at infinity."
    return body


modified_bessel_i0 = without_gradient(_finite(first_kind_i0, 0), "modified_bessel_i0")
modified_bessel_i1 = without_gradient(_finite(first_kind_i1, 1), "modified_bessel_i1")
modified_bessel_k0 = without_gradient(_second_kind(0, _K0_NEAR, _K0_FAR, False), "modified_bessel_k0")
modified_bessel_k1 = without_gradient(_second_kind(1, _K1_NEAR, _K1_FAR, False), "modified_bessel_k1")
scaled_modified_bessel_k0 = without_gradient(_second_kind(0, _K0_NEAR, _K0_FAR, True), "scaled_modified_bessel_k0", "x")
scaled_modified_bessel_k1 = without_gradient(_second_kind(1, _K1_NEAR, _K1_FAR, True), "scaled_modified_bessel_k1", "x")
