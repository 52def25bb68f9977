"""Special functions: gamma and its derivatives, error functions and their inverses, modified Bessel functions.

Each is a composition of the backend's ops on real floating arrays, written against a namespace ``k`` as gradient rules
are, and a derivative by a formula. Halves are computed in float32. What is said to be within roundings is so in the dtype of
the operand, except close to zeros of the function, where the error is absolute.
"""

from __future__ import annotations

import functools
import math

from plugtorch.autograd.base import InferenceCell, TensorBase, edge_of, wrap
from plugtorch.autograd.mode import DUAL, INFERENCE, NO_GRAD, mode
from plugtorch.autograd.plans import PlanBase
from plugtorch.autograd.record import cell_of, differentiable, make_node
from plugtorch.spec.dtypes import COMPLEX, HALF, float32
from plugtorch.spec.ops.math import ERFC_P, ERFC_Q

from .amp.casting import autocasts
from .dispatch import as_number, common_dtype, float_like, is_tensor, require_tensor, store, to_dtype
from .methods import inplace_twin, method
from .pointwise import log, log1p, sigmoid
from .selection import where

__all__: list[str] = []

_ROOT_PI = math.sqrt(math.pi)


class SmoothPlan(PlanBase):
    """The gradient of a function of one tensor: ``derivative(k, x, y)`` of its operand and its result."""

    keeps = True
    sources = (("operand", 0), ("output", 0))

    def __init__(self, name, derivative):
        self._name, self._derivative = name, derivative

    def run(self, k, g, saved):
        x, y = saved
        return (k.mul(g, self._derivative(k, x, y)),)

    def collect(self, arrays, params, results):
        return (*arrays, *results)

    def node_name(self, node):
        return self._name

    class op:  # noqa: N801  (what the engine asks of a plan's op)
        outputs = ("y",)


def _evaluate(body, plan, x):
    """``body(k, x)`` computed on the array of a floating tensor, and recorded as one node."""
    k, flags = x._k, mode()
    if flags & DUAL:
        return body(differentiable(k), x)
    y = wrap(body(k, x._a), k)
    if x._req and not flags & NO_GRAD:
        mine, cell = cell_of(x), cell_of(y)
        y._node = make_node(plan, k, (edge_of(x),), y._a, (x._a, y._a), (mine, mine[0], cell, cell[0]))
        y._req = True
    elif flags & INFERENCE:
        y._cell = InferenceCell((0,))
    return y


def _refuse(kernel, x, half):
    """Raises for a complex tensor, and for a half one where PyTorch has no kernel for it."""
    if x.dtype.category == COMPLEX or x.dtype in HALF and not half:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{x.dtype.legacy}'")


def _rounded(body):
    """A composition that computes in float32 from half values, and rounds once."""
    @functools.wraps(body)
    def once(k, x):
        dtype = k.dtype_of(x)
        return k.cast(body(k, k.cast(x, dtype=float32)), dtype=dtype) if dtype in HALF else body(k, x)

    return once


def _smooth(body, derivative, name, kernel=None, half=True):
    """A function of one tensor from its composition and its derivative, both ``(k, x, ...)``; ``kernel`` is PyTorch's name
    for it in errors, and ``half`` says whether it takes half types."""
    plan, body = SmoothPlan(f"{name.title().replace('_', '')}Backward0", derivative), _rounded(body)

    def function(input, *, out=None):
        require_tensor(input, name)
        _refuse(kernel or name, input, half)
        return store(out, _evaluate(body, plan, float_like(input)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = body.__doc__
    return function


def _again(function, body):
    """``body(k, x)``, by the recorded function where ``x`` is a tensor."""
    body = _rounded(body)
    return lambda k, x: function(x) if isinstance(x, TensorBase) else body(k, x)


def horner(k, x, coefficients):
    """A polynomial, its coefficients from the highest power down."""
    y = k.add(k.mul(x, coefficients[0]), coefficients[1])
    for c in coefficients[2:]:
        y = k.add(k.mul(y, x), c)
    return y


def ratio(k, x, numerator, denominator):
    """The quotient of two polynomials, their coefficients from the highest power down."""
    return k.div(horner(k, x, numerator), horner(k, x, denominator))


def _from_integer(k, x):
    """x less the nearest whole number, exact."""
    return k.sub(x, k.round(x))


# The gamma function and its logarithmic derivatives.

# S. Moshier, Cephes library, lgam: log gamma(2 + t) = t P(t) / Q(t) for 0 <= t < 1.
_LGAMMA_P = (-1.37825152569120859100e3, -3.88016315134637840924e4, -3.31612992738871184744e5, -1.16237097492762307383e6,
             -1.72173700820839662146e6, -8.53555664245765465627e5)
_LGAMMA_Q = (1.0, -3.51815701436523470549e2, -1.70642106651881159223e4, -2.20528590553854454839e5, -1.13933444367982507207e6,
             -2.53252307177582951285e6, -2.01889141433532773231e6)
# B_2n / (2n (2n - 1)), n from 7 to 1: the series of Abramowitz and Stegun 6.1.41 in 1 / x^2.
_STIRLING = (1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)


def _lgamma(k, x):
    """The logarithm of the absolute value of the gamma function, infinite at its poles 0, -1, -2, ...

    From 3 by Stirling's series (Abramowitz and Stegun 6.1.41), shifted to 8 and more; below by Moshier's rational
    approximation between 2 and 3 and the recurrence; under 1/2 by the reflection formula (6.1.17). Within a few roundings.
    """
    low = k.lt(x, 0.5)
    y = k.where(low, k.sub(1, x), x)
    # between 1/2 and 3
    near = k.lt(y, 3.0)
    u = k.where(near, y, k.full(shape=y.shape, value=2.5, dtype=k.dtype_of(y), device=k.device_of(y)))
    tiny, small = k.lt(u, 1.0), k.lt(u, 2.0)
    t = k.where(tiny, u, k.where(small, k.sub(u, 1), k.sub(u, 2)))
    steps = k.where(tiny, k.mul(u, k.add(u, 1)), k.where(small, u, k.ones_like(u)))
    inner = k.sub(k.mul(t, ratio(k, t, _LGAMMA_P, _LGAMMA_Q)), k.log(steps))
    # from 3
    short = k.lt(y, 8.0)
    ones = k.ones_like(y)
    product = ones
    for i in range(5):
        product = k.mul(product, k.add(y, i))
    product = k.where(short, product, ones)
    z = k.where(near, k.mul(ones, 8.0), k.where(short, k.add(y, 5), y))
    inverse = k.div(1, z)
    tail = k.mul(inverse, horner(k, k.mul(inverse, inverse), _STIRLING))
    main = k.mul(k.sub(z, 0.5), k.sub(k.log(z), 1))
    main = k.sub(main, k.where(near, k.zeros_like(y), k.log(product)))
    outer = k.add(main, k.add(tail, 0.5 * math.log(2 * math.pi) - 0.5))
    value = k.where(near, inner, outer)
    sine = k.abs(k.sin(k.mul(_from_integer(k, k.where(low, x, k.mul(ones, 0.5))), math.pi)))
    value = k.where(low, k.sub(k.sub(math.log(math.pi), k.log(sine)), value), value)
    return k.where(k.eq(k.abs(x), math.inf), k.abs(x), value)


# B_2n / 2n, n from 8 to 1: Abramowitz and Stegun 6.3.18.
_DIGAMMA = (-3617 / 8160, 1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12)


def _digamma(k, x):
    """The derivative of log gamma: by the asymptotic series from 8 (Abramowitz and Stegun 6.3.18), the recurrence (6.3.5),
    and under 1/2 by reflection (6.3.7). At 0 infinite with the sign opposite to the zero's, nan at -1, -2, ..."""
    low = k.lt(x, 0.5)
    y = k.where(low, k.sub(1, x), x)
    short = k.lt(y, 8.0)
    shift = k.zeros_like(y)
    safe = k.where(short, y, k.ones_like(y))
    for i in range(8):
        shift = k.add(shift, k.div(1, k.add(safe, i)))
    z = k.where(short, k.add(y, 8), y)
    inverse = k.div(1, z)
    square = k.mul(inverse, inverse)
    series = k.add(k.mul(inverse, 0.5), k.mul(square, horner(k, square, _DIGAMMA)))
    value = k.sub(k.sub(k.log(z), series), k.where(short, shift, k.zeros_like(y)))
    rest = _from_integer(k, k.where(low, x, k.mul(k.ones_like(x), 0.25)))
    pole = k.eq(rest, 0)
    angle = k.mul(k.where(pole, k.mul(k.ones_like(x), 0.25), rest), math.pi)
    value = k.where(low, k.sub(value, k.div(k.mul(k.cos(angle), math.pi), k.sin(angle))), value)
    value = k.where(k.bit_and(pole, k.lt(x, 0)), math.nan, value)
    return k.where(k.eq(x, 0), k.div(-1, x), value)


# Even Bernoulli numbers B_2 .. B_24, for the formula of Euler and Maclaurin.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330,
              854513 / 138, -236364091 / 2730)


def _power(k, x, s):
    """``x ** -s`` for a number or an array s."""
    return k.pow(x, k.neg(s) if hasattr(s, "shape") else -s)


def _hurwitz(k, s, q):
    """The sum of ``(q + i) ** -s`` over i >= 0 for ``s > 1`` and ``q > 0``: ten terms, and Euler's and Maclaurin's formula
    for the others (F. Johansson, "Rigorous high-precision computation of the Hurwitz zeta function", 2014, equation 5)."""
    total = _power(k, q, s)
    for i in range(1, 10):
        total = k.add(total, _power(k, k.add(q, i), s))
    a = k.add(q, 10)
    edge = _power(k, a, s)
    total = k.add(total, k.add(k.div(k.mul(a, edge), k.sub(s, 1) if hasattr(s, "shape") else s - 1), k.mul(edge, 0.5)))
    term = k.div(k.mul(edge, s), a)
    for n, b in enumerate(_BERNOULLI):
        total = k.add(total, k.mul(term, b / math.factorial(2 * n + 2)))
        first, second = (k.add(s, i) if hasattr(s, "shape") else s + i for i in (2 * n + 1, 2 * n + 2))
        term = k.div(k.mul(k.div(k.mul(term, first), a), second), a)
    return total


def _cotangent_polynomial(n):
    """The polynomial of which, in cot(u), the n-th derivative of cot is one; coefficients from the highest power down."""
    p = [0.0, 1.0]  # ascending
    for _ in range(n):
        d = [i * c for i, c in enumerate(p)][1:]
        p = [0.0] * (len(d) + 2)
        for i, c in enumerate(d):
            p[i] -= c
            p[i + 2] -= c
    return p[::-1]


def _polygamma_of(n):
    """``polygamma(n)`` for ``n >= 1``: Hurwitz' zeta function (Abramowitz and Stegun 6.4.10), reflection (6.4.7)."""
    sign = -1.0 if n % 2 == 0 else 1.0

    def body(k, x):
        low = k.lt(x, 0)
        y = k.where(low, k.sub(1, x), x)
        value = k.mul(_hurwitz(k, n + 1, y), sign * math.factorial(n))
        rest = _from_integer(k, k.where(low, x, k.mul(k.ones_like(x), 0.25)))
        angle = k.mul(rest, math.pi)
        cot = k.div(k.cos(angle), k.sin(angle))
        turn = k.mul(horner(k, cot, _cotangent_polynomial(n)), math.pi ** (n + 1))
        mirrored = k.sub(k.mul(value, (-1.0) ** n), turn)
        value = k.where(low, mirrored, value)
        return k.where(k.eq(x, math.inf), k.zeros_like(x), value)

    return body


_POLYGAMMA: dict[int, object] = {}


def _polygamma_function(n):
    found = _POLYGAMMA.get(n)
    if found is None:
        body = _polygamma_of(n)
        found = _POLYGAMMA[n] = _smooth(body, lambda k, x, y: _slope(k, x, n + 1), "polygamma")
    return found


def _slope(k, x, n):
    """The n-th derivative of digamma at an array or a tensor."""
    if isinstance(x, TensorBase):
        return _polygamma_function(n)(x)
    return _rounded(_polygamma_of(n))(k, x)


def polygamma(n, input, *, out=None):
    """The n-th derivative of :func:`digamma`, n a whole number; nan or infinite at the poles 0, -1, -2, ...

    Raises:
        RuntimeError: n is negative.
    """
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return store(out, digamma(input) if n == 0 else _polygamma_function(int(n))(input))


def mvlgamma(input, p, *, out=None):
    """The logarithm of the multivariate gamma function of dimension p, ``p (p - 1) / 4 log(pi) + sum_j lgamma(x - j / 2)``.

    Raises:
        RuntimeError: p < 1.
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    x = float_like(require_tensor(input, "mvlgamma"))
    total = p * (p - 1) / 4 * math.log(math.pi) + lgamma(x)
    for j in range(1, p):
        total = total + lgamma(x - j / 2)
    return store(out, total)


def zeta(input, other, *, out=None):
    """Hurwitz' zeta function, the sum of ``(other + i) ** -input`` over i >= 0; for other > 0, nan for input < 1."""
    from .shaping import broadcast_tensors

    if not (is_tensor(input) or is_tensor(other)):
        require_tensor(input, "special_zeta")
    s = input if is_tensor(input) else other.new_tensor(float(input))
    q = other if is_tensor(other) else s.new_tensor(float(other))
    dtype = common_dtype((s, q), True)
    s, q = broadcast_tensors(to_dtype(s, dtype), to_dtype(q, dtype))
    _refuse("zeta_cpu", s, False)
    safe = where(s > 1, s, 2.0)
    value = _hurwitz(differentiable(s._k), safe, q)
    value = where(q == 0, math.inf, value)
    return store(out, where(s > 1, value, where(s == 1, math.inf, math.nan)))


# Error functions.

# W. J. Cody, Math. Comp. 23 (1969): x exp(x^2) erfc(x) - 1/sqrt(pi) in 1/x^2 beyond 4, highest power first.
_TAIL_P = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
           1.60837851487422766e-2, 6.58749161529837803e-4)
_TAIL_Q = (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
           2.33520497626869185e-3)


def _scaled_complement(k, a):
    """``exp(a^2) erfc(a)`` for ``a >= 0.46875``."""
    far = k.lt(4.0, a)
    middle = k.where(far, k.ones_like(a), a)
    far_a = k.where(far, a, k.mul(k.ones_like(a), 5.0))
    inverse = k.div(1, k.mul(far_a, far_a))
    outer = k.div(k.sub(1 / _ROOT_PI, k.mul(inverse, ratio(k, inverse, _TAIL_P, _TAIL_Q))), far_a)
    return k.where(far, outer, ratio(k, middle, ERFC_P, ERFC_Q))


def _complement_parts(k, x):
    near = k.lt(k.abs(x), 0.46875)
    ones = k.ones_like(x)
    a = k.where(near, ones, k.abs(x))
    return near, k.erf(k.where(near, x, k.zeros_like(x))), a, _scaled_complement(k, a)


def _gauss(k, a):
    """``exp(-a^2)`` with the square split as Cody does, so that its rounding does not grow."""
    coarse = k.div(k.trunc(k.mul(a, 16)), 16)
    coarse = k.where(k.lt(a, 1e3), coarse, a)
    rest = k.where(k.lt(a, 1e3), k.mul(k.sub(a, coarse), k.add(a, coarse)), k.zeros_like(a))
    return k.mul(k.exp(k.neg(k.mul(coarse, coarse))), k.exp(k.neg(rest)))


def _erfc(k, x):
    """``1 - erf(x)`` without cancellation, by Cody's rational approximations (Math. Comp. 23, 1969)."""
    near, inner, a, scaled = _complement_parts(k, x)
    tail = k.mul(_gauss(k, k.minimum(a, 30.0)), scaled)
    return k.where(near, k.sub(1, inner), k.where(k.lt(x, 0), k.sub(2, tail), tail))


def _erfcx(k, x):
    """``exp(x^2) erfc(x)`` without overflow, by Cody's rational approximations (Math. Comp. 23, 1969)."""
    near, inner, a, scaled = _complement_parts(k, x)
    square = k.mul(x, x)
    grown = k.exp(k.where(k.lt(x, 0.46875), square, k.zeros_like(x)))
    return k.where(near, k.mul(grown, k.sub(1, inner)),
                   k.where(k.lt(x, 0), k.sub(k.mul(grown, 2), scaled), scaled))


# M. J. Wichura, Algorithm AS 241, Applied Statistics 37 (1988), PPND16: the normal quantile, highest power first.
_CENTRE_P = (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
             1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080)
_CENTRE_Q = (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
             5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0)
_MIDDLE_P = (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258,
             3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734)
_MIDDLE_Q = (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
             6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0)
_FAR_P = (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
          2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720)
_FAR_Q = (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
          1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0)


def _quantile(k, q, tail):
    """The normal quantile of ``1/2 + q``, where ``tail`` is the smaller of the probability and its complement."""
    central = k.le(k.abs(q), 0.425)
    inner_q = k.where(central, q, k.zeros_like(q))
    r = k.sub(0.180625, k.mul(inner_q, inner_q))
    inner = k.mul(inner_q, ratio(k, r, _CENTRE_P, _CENTRE_Q))
    t = k.sqrt(k.neg(k.log(k.where(central, k.mul(k.ones_like(tail), 0.05), tail))))
    far = k.lt(5.0, t)
    ones = k.ones_like(t)
    middle = ratio(k, k.sub(k.where(far, k.mul(ones, 2.0), t), 1.6), _MIDDLE_P, _MIDDLE_Q)
    finite = k.where(k.bit_and(far, k.lt(t, math.inf)), t, k.mul(ones, 6.0))
    outer = k.where(far, ratio(k, k.sub(finite, 5.0), _FAR_P, _FAR_Q), middle)
    outer = k.where(k.eq(t, math.inf), t, outer)
    return k.where(central, inner, k.where(k.lt(q, 0), k.neg(outer), outer))


def _erfinv(k, x):
    """The inverse of erf on [-1, 1], infinite at the ends and nan beyond; Wichura's algorithm AS 241, within roundings."""
    return k.div(_quantile(k, k.mul(x, 0.5), k.mul(k.sub(1, k.abs(x)), 0.5)), math.sqrt(2))


def _ndtri(k, x):
    """The standard normal quantile on [0, 1], infinite at the ends and nan beyond; Wichura's algorithm AS 241."""
    return _quantile(k, k.sub(x, 0.5), k.where(k.lt(x, 0.5), x, k.sub(1, x)))


# Modified Bessel functions.

_NODES = 24  # of the trapezoidal rule on [0, pi]; its error at 30 is below 1e-15


def _scaled_bessel(order):
    """``exp(-|x|) I(x)`` of order 0 or 1; the trapezoidal rule converges geometrically for the periodic integrand."""

    def body(k, x):
        a = k.abs(x)
        far = k.lt(30.0, a)
        near = k.where(far, k.ones_like(a), a)
        total = k.mul(k.add(k.mul(k.exp(k.mul(near, -2.0)), (-1.0) ** order), 1.0), 0.5)
        for i in range(1, _NODES):
            angle = math.pi * i / _NODES
            total = k.add(total, k.mul(k.exp(k.mul(near, math.cos(angle) - 1)), math.cos(order * angle)))
        inner = k.div(total, _NODES)
        z = k.where(far, a, k.mul(k.ones_like(a), 40.0))
        mu, term, series = 4.0 * order * order, k.ones_like(z), k.ones_like(z)
        for i in range(1, 15):
            term = k.div(k.mul(term, ((2 * i - 1) ** 2 - mu) / (8.0 * i)), z)
            series = k.add(series, term)
        outer = k.div(series, k.sqrt(k.mul(z, 2 * math.pi)))
        value = k.where(far, outer, inner)
        if not order:
            return value
        small = k.minimum(a, 0.1)  # there the power series (9.6.10), since the sum cancels
        quarter = k.mul(k.mul(small, small), 0.25)
        series = horner(k, quarter, (1 / 2880, 1 / 144, 1 / 12, 1 / 2, 1.0))
        series = k.mul(k.mul(series, k.mul(a, 0.5)), k.exp(k.neg(small)))
        return k.mul(k.where(k.lt(a, 0.1), series, value), k.sign(x))

    body.__doc__ = (f"``exp(-|x|)`` times the modified Bessel function of the first kind of order {order}: the trapezoidal "
                    "rule for its integral, Hankel's expansion beyond 30 (Abramowitz and Stegun 9.6.19, 9.7.1).")
    return body


_i0e, _i1e = _scaled_bessel(0), _scaled_bessel(1)


def first_kind_i0(k, x):
    """The modified Bessel function of the first kind of order 0."""
    return k.mul(k.exp(k.abs(x)), _i0e(k, x))


def first_kind_i1(k, x):
    """The modified Bessel function of the first kind of order 1."""
    return k.mul(k.exp(k.abs(x)), _i1e(k, x))


def _i1_slope(k, x, y):
    zero = k.eq(x, 0)
    safe = k.where(zero, k.ones_like(x), x)
    return k.where(zero, 0.5, k.sub(_i0_again(k, x), k.div(y, safe)))


def _i1e_slope(k, x, y):
    zero = k.eq(x, 0)
    safe = k.where(zero, k.ones_like(x), x)
    slope = k.sub(_i0e_again(k, x), k.mul(y, k.add(k.sign(x), k.div(1, safe))))
    return k.where(zero, 0.5, slope)


lgamma = _smooth(_lgamma, lambda k, x, y: _digamma_again(k, x), "lgamma", "lgamma_vml_cpu")
digamma = _smooth(_digamma, lambda k, x, y: _slope(k, x, 1), "digamma")
erfc = _smooth(_erfc, lambda k, x, y: k.mul(k.exp(k.neg(k.mul(x, x))), -2 / _ROOT_PI), "erfc",
               "erfc_vml_cpu")
erfcx = _smooth(_erfcx, lambda k, x, y: k.sub(k.mul(k.mul(x, y), 2), 2 / _ROOT_PI), "special_erfcx", "erfcx_cpu",
                half=False)
erfinv = _smooth(_erfinv, lambda k, x, y: k.mul(k.exp(k.mul(y, y)), _ROOT_PI / 2), "erfinv", "erfinv_vml_cpu")
erfinv = autocasts(erfinv)
ndtri = _smooth(_ndtri, lambda k, x, y: k.mul(k.exp(k.mul(k.mul(y, y), 0.5)), math.sqrt(2 * math.pi)), "special_ndtri",
                "ndtri_cpu", half=False)
i0 = _smooth(first_kind_i0, lambda k, x, y: _i1_again(k, x), "i0", "i0_vml_cpu")
i1 = _smooth(first_kind_i1, _i1_slope, "special_i1", "i1_cpu")
i0e = _smooth(_i0e, lambda k, x, y: k.sub(_i1e_again(k, x), k.mul(y, k.sign(x))), "special_i0e", "i0e_cpu")
i1e = _smooth(_i1e, _i1e_slope, "special_i1e", "i1e_cpu")
_digamma_again = _again(digamma, _digamma)
_i0_again, _i1_again = _again(i0, first_kind_i0), _again(i1, first_kind_i1)
_i0e_again, _i1e_again = _again(i0e, _i0e), _again(i1e, _i1e)


def logit(input, eps=None, *, out=None):
    """``log(x / (1 - x))``, of x limited to [eps, 1 - eps] if eps is given."""
    _refuse("logit_cpu", require_tensor(input, "logit"), True)
    x = float_like(input)
    if eps is not None:
        x = x.clamp(as_number(eps), 1 - as_number(eps))
    return store(out, log(x / (1 - x)))


def entr(input, *, out=None):
    """``-x log(x)``, 0 at 0 and minus infinity under it."""
    _refuse("entr_cpu", require_tensor(input, "special_entr"), True)
    x = float_like(input)
    inside = -x * log(where(x > 0, x, 1.0))
    return store(out, where(x < 0, -math.inf, inside))


def ndtr(input, *, out=None):
    """The standard normal distribution function."""
    return store(out, erfc(float_like(require_tensor(input, "special_ndtr")) * -math.sqrt(0.5)) * 0.5)


def log_ndtr(input, *, out=None):
    """The logarithm of the standard normal distribution function, without underflow far to the left."""
    _refuse("log_ndtr_cpu", require_tensor(input, "special_log_ndtr"), False)
    x = float_like(input)
    far = x < -1
    left = log(erfcx(where(far, x, -1.0) * -math.sqrt(0.5)) * 0.5) - x * x * 0.5
    return store(out, where(far, left, log1p(erfc(where(far, -1.0, x) * math.sqrt(0.5)) * -0.5)))


# Other names of torch.special.
gammaln, psi, multigammaln, expit = lgamma, digamma, mvlgamma, sigmoid

__all__ += ["mvlgamma", "polygamma"]
method(mvlgamma)
inplace_twin(mvlgamma)


def _polygamma_method(self, n):
    """The n-th derivative of :func:`digamma`."""
    return polygamma(n, self)


method(_polygamma_method, name="polygamma")
inplace_twin(_polygamma_method, "polygamma")

for _function in (lgamma, digamma, erfc, erfinv, logit, i0):
    method(_function)
    globals()[_function.__name__ + "_"] = inplace_twin(_function)
    __all__ += [_function.__name__, _function.__name__ + "_"]
