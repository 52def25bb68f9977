"""The regularised incomplete gamma functions, by a quadrature that sees every scale of its integrand."""

from __future__ import annotations

import math

from plugtorch.autograd.function import Function
from plugtorch.autograd.mode import no_grad
from plugtorch.spec.dtypes import float32, promote_types

from .clamping import clamp
from .creation import zeros_like
from .dispatch import common_dtype, moved_scalars, require_tensor, store, to_dtype
from .info import finfo
from .methods import exporter, inplace_twin, method
from .pointwise import exp, expm1, log, minimum, sqrt
from .selection import where
from .shaping import broadcast_tensors
from .special_functions import lgamma
from .unsupported import refuse

__all__: list[str] = []
_export = exporter(__all__)

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
    total = zeros_like(width)
    for (_, node), weight in zip(_NODES, _WEIGHTS, strict=True):
        total = total + integrand(reach * node) * weight
    return total * reach


def gamma_side(alpha, z):
    """Of the integral of ``t^(alpha - 1) exp(-t)`` the side of z where the integrand falls off from z on, in ``s`` with
    ``t = z exp(side s)``: the side, +1 above or -1 below, the exponent less its value at z, and a width for
    :func:`half_line`."""
    side = to_dtype(where(z > alpha, 1.0, -1.0), z.dtype)
    gap = (z - alpha).abs()
    linear = DEPTH / clamp(gap, min=1e-30)
    curved = (DEPTH + sqrt(DEPTH * DEPTH + 8 * DEPTH * z)) / (2 * z)

    def exponent(s):
        t = side * s
        return -gap * s - z * (expm1(t) - t)

    return side, exponent, minimum(linear, curved)


def _log_density(alpha, x):
    """``alpha log x - x - lgamma(alpha)``, for large alpha by Stirling's series so that large terms do not cancel."""
    large = alpha > 10
    a, r = where(large, alpha, 10.0), where(large, x / alpha, 1.0)
    inverse = 1 / a
    square = inverse * inverse
    tail = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))))
    main = a * (log(r) - (r - 1)) + 0.5 * log(a / (2 * math.pi)) - tail
    small = where(large, 1.0, alpha)
    return where(large, main, small * log(x) - x - lgamma(small))


@no_grad()
def _lower(alpha, x, upper):
    """P(alpha, x), or Q where ``upper``; 0 < alpha, 0 <= x."""
    y = clamp(x, min=finfo(x.dtype).tiny, max=1e30)
    scale = exp(_log_density(alpha, y))
    near = y < 1.5
    # Kummer's series, Abramowitz and Stegun 6.5.29
    z = where(near, y, 1.0)
    term = 1 / alpha
    total = term
    for i in range(1, _TERMS):
        term = term * z / (alpha + i)
        total = total + term
    series = scale * total
    a, z = where(near, 2.0, alpha), where(near, 2.0, y)
    side, exponent, width = gamma_side(a, z)
    far = scale * half_line(lambda s: exp(exponent(s)), width)
    below = near | (side < 0)
    value = where(near, series, far)
    value = where(below, 1 - value, value) if upper else where(below, value, 1 - value)
    value = where(x == 0, 1.0 if upper else 0.0, clamp(value, 0, 1))
    # The limits in alpha and in x, which have none in common.
    value = where(alpha == math.inf, 1.0 if upper else 0.0, value)
    value = where(x == math.inf, where(alpha == math.inf, math.nan, 0.0 if upper else 1.0), value)
    value = where(alpha == 0, where(x > 0, 0.0 if upper else 1.0, math.nan), value)
    return where((alpha < 0) | (x < 0) | (alpha != alpha) | (x != x), math.nan, value)


class _Incomplete(Function):
    """P or Q, differentiable in x: the derivative is the gamma density."""

    generate_vmap_rule = True

    @staticmethod
    def forward(alpha, x, upper):
        return _lower(alpha, x, upper)

    @staticmethod
    def setup_context(ctx, inputs, output):
        alpha, x, ctx.upper = inputs
        ctx.save_for_backward(alpha, x)

    @staticmethod
    def backward(ctx, grad):
        alpha, x = ctx.saved_tensors
        if ctx.needs_input_grad[0]:
            name = "igammac" if ctx.upper else "igamma"
            raise NotImplementedError(f"the derivative for '{name}: input' is not implemented.")
        density = exp(_log_density(alpha, x) - log(x))
        return None, grad * (-density if ctx.upper else density), None


def _incomplete(input, other, upper, out):
    name = "igammac" if upper else "igamma"
    require_tensor(input, name)
    dtype = common_dtype((input, require_tensor(other, name, "other", 2)))
    refuse(name, dtype)
    wide = promote_types(dtype, float32)
    alpha, x = broadcast_tensors(*(to_dtype(o, wide) for o in moved_scalars((input, other))))
    return store(out, to_dtype(_Incomplete.apply(alpha, x, upper), dtype))


@_export
@method
def igamma(input, other, *, out=None):
    """The lower one, P(input, other): the integral of ``t^(input - 1) exp(-t)`` up to ``other``, divided by that over all t.
    Within about 1e-9. Differentiable in ``other``.

    Raises:
        NotImplementedError: the common dtype is no floating one; a gradient is asked for in ``input``.
    """
    return _incomplete(input, other, False, out)


@_export
@method
def igammac(input, other, *, out=None):
    """The upper one, Q(input, other) = 1 - P; see :func:`igamma`."""
    return _incomplete(input, other, True, out)


inplace_twin(igamma), inplace_twin(igammac)
gammainc, gammaincc = igamma, igammac
