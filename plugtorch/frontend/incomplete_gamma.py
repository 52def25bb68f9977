"""The regularised incomplete gamma functions, by a quadrature that sees every scale of its integrand."""

from __future__ import annotations

import math

from plugtorch.autograd.function import Function
from plugtorch.autograd.mode import no_grad
from plugtorch.spec import dtypes

from . import functions as fn
from .dispatch import float_like, is_tensor, store

__all__ = ["gammainc", "gammaincc"]

# Nodes and weights of the trapezoidal rule after the substitution s = exp(w - exp(-w)), which spaces them evenly on a
# logarithmic scale: H. Takahasi and M. Mori, "Double exponential formulas for numerical integration", 1974.
_STEP = 0.08
_NODES = [(w, math.exp(w - math.exp(-w))) for w in (i * _STEP for i in range(-42, 15))]
_WEIGHTS = [_STEP * s * (1 + math.exp(-w)) for w, s in _NODES]
DEPTH = 40.0  # an integrand that has fallen to exp(-40) of its first value counts no more
_TERMS = 24


def half_line(integrand, width):
    """The integral over [0, inf) of ``integrand``, a function of tensors of the shape of ``width`` that falls off from 0 on
    and is negligible beyond ``width``."""
    reach = width / _NODES[-1][1]
    total = fn.zeros_like(width)
    for (_, node), weight in zip(_NODES, _WEIGHTS, strict=True):
        total = total + integrand(reach * node) * weight
    return total * reach


def gamma_side(alpha, z):
    """Of the integral of ``t^(alpha - 1) exp(-t)`` the side of z where the integrand falls off from z on, in ``s`` with
    ``t = z exp(side s)``: the side, +1 above or -1 below, the exponent less its value at z, and a width for
    :func:`half_line`."""
    side = fn.where(z > alpha, 1.0, -1.0).to(z.dtype)
    gap = (z - alpha).abs()
    linear = DEPTH / gap.clamp(min=1e-30)
    curved = (DEPTH + fn.sqrt(DEPTH * DEPTH + 8 * DEPTH * z)) / (2 * z)

    def exponent(s):
        t = side * s
        return -gap * s - z * (fn.expm1(t) - t)

    return side, exponent, fn.minimum(linear, curved)


def _log_density(alpha, x):
    """``alpha log x - x - lgamma(alpha)``, for large alpha by Stirling's series so that large terms do not cancel."""
    large = alpha > 10
    a, r = fn.where(large, alpha, 10.0), fn.where(large, x / alpha, 1.0)
    inverse = 1 / a
    square = inverse * inverse
    tail = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))))
    main = a * (fn.log(r) - (r - 1)) + 0.5 * fn.log(a / (2 * math.pi)) - tail
    small = fn.where(large, 1.0, alpha)
    return fn.where(large, main, small * fn.log(x) - x - fn.lgamma(small))


@no_grad()
def _lower(alpha, x, upper):
    """P(alpha, x), or Q where ``upper``; 0 < alpha, 0 <= x."""
    y = x.clamp(min=fn.finfo(x.dtype).tiny, max=1e30)
    scale = fn.exp(_log_density(alpha, y))
    near = y < 1.5
    # Kummer's series, Abramowitz and Stegun 6.5.29
    z = fn.where(near, y, 1.0)
    term = 1 / alpha
    total = term
    for i in range(1, _TERMS):
        term = term * z / (alpha + i)
        total = total + term
    series = scale * total
    a, z = fn.where(near, 2.0, alpha), fn.where(near, 2.0, y)
    side, exponent, width = gamma_side(a, z)
    far = scale * half_line(lambda s: fn.exp(exponent(s)), width)
    below = near | (side < 0)
    value = fn.where(near, series, far)
    value = fn.where(below, 1 - value, value) if upper else fn.where(below, value, 1 - value)
    value = fn.where(x == 0, 1.0 if upper else 0.0, value.clamp(0, 1))
    value = fn.where(x == math.inf, 0.0 if upper else 1.0, value)
    value = fn.where(alpha == 0, fn.where(x > 0, 0.0 if upper else 1.0, math.nan), value)
    return fn.where((alpha < 0) | (x < 0) | (alpha != alpha) | (x != x), math.nan, value)


class _Incomplete(Function):
    """P or Q, differentiable in x: the derivative is the gamma density."""

    @staticmethod
    def forward(ctx, alpha, x, upper):
        ctx.save_for_backward(alpha, x)
        ctx.upper = upper
        return _lower(alpha.detach(), x.detach(), upper)

    @staticmethod
    def backward(ctx, grad):
        alpha, x = ctx.saved_tensors
        if ctx.needs_input_grad[0]:
            raise RuntimeError("the derivative for 'self' is not implemented: gammainc and gammaincc are differentiable "
                               "in their second argument alone")
        density = fn.exp(_log_density(alpha, x) - fn.log(x))
        return None, grad * (-density if ctx.upper else density), None


def _incomplete(input, other, upper, out):
    like = input if is_tensor(input) else other
    a, x = (v if is_tensor(v) else like.new_tensor(float(v)) for v in (input, other))
    dtype = fn.promote_types(float_like(a).dtype, float_like(x).dtype)
    wide = fn.promote_types(dtype, dtypes.float32)
    a, x = fn.broadcast_tensors(a.to(wide), x.to(wide))
    return store(out, _Incomplete.apply(a, x, upper).to(dtype))


def gammainc(input, other, *, out=None):
    """The lower one, P(input, other): the integral of ``t^(input - 1) exp(-t)`` up to ``other``, divided by that over all t.
    Within about 1e-9. Differentiable in ``other``."""
    return _incomplete(input, other, False, out)


def gammaincc(input, other, *, out=None):
    """The upper one, Q(input, other) = 1 - P."""
    return _incomplete(input, other, True, out)
