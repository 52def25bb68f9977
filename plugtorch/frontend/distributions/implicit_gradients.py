"""Samples of gamma and Dirichlet distributions with gradients of their parameters.

M. Figurnov, S. Mohamed and A. Mnih, "Implicit reparameterization gradients", 2018: a sample z with distribution function F
and density p moves by ``dz/da = -(dF/da) / p`` when the parameter a does. Here ``dF/da`` is the integral of the density
times its logarithmic derivative, over the side of z on which the integrand falls off from z on; the ratio of densities under
the integral needs no normalising constant.
"""

from __future__ import annotations

import math

from plugtorch.autograd.function import Function
from plugtorch.autograd.mode import no_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend.incomplete_gamma import DEPTH, gamma_side, half_line
from plugtorch.frontend.random_functions import _sample_dirichlet, _standard_gamma

_SERIES = 24


def _gamma_series(alpha, z, log_z):
    """For z up to 3/2, from Kummer's series of the incomplete gamma function (Abramowitz and Stegun 6.5.29)."""
    term = 1 / alpha
    total, slope, harmonic = term, fn.zeros_like(z), fn.zeros_like(z)
    for i in range(1, _SERIES):
        term = term * z / (alpha + i)
        harmonic = harmonic + 1 / (alpha + i)
        total, slope = total + term, slope + term * harmonic
    return z * (slope - (log_z - fn.digamma(alpha + 1)) * total)


def _gamma_integral(alpha, z, log_z):
    """For larger z: over values above z where z is beyond alpha, else below, as ratios ``exp(+-s)`` to z."""
    side, exponent, width = gamma_side(alpha, z)
    offset = log_z - fn.digamma(alpha)
    return side * z * half_line(lambda s: fn.exp(exponent(s)) * (offset + side * s), width)


@no_grad()
def _standard_gamma_grad(input, output):
    """The derivative of samples ``output`` of ``Gamma(input, 1)`` in the shape parameter ``input``; of their shape."""
    alpha, z = fn.broadcast_tensors(input, output)
    z = z.clamp(min=fn.finfo(z.dtype).tiny)
    log_z = fn.log(z)
    small = z < 1.5
    near = _gamma_series(alpha, fn.where(small, z, 1.0), fn.where(small, log_z, 0.0))
    far = _gamma_integral(fn.where(small, 2.0, alpha), fn.where(small, 2.0, z), fn.where(small, math.log(2.0), log_z))
    return fn.where(small, near, far)


@no_grad()
def _dirichlet_grad(x, alpha, total):
    """The derivative of x, a component of a Dirichlet sample, in its concentration ``alpha``, divided by ``1 - x``;
    ``total`` is the sum of the concentrations. Each component is beta distributed with ``alpha`` and ``total - alpha``."""
    tiny = fn.finfo(x.dtype).tiny
    x = x.clamp(tiny, 1 - fn.finfo(x.dtype).eps / 2)
    side = fn.where(x * total > alpha, 1.0, -1.0).to(x.dtype)
    start = fn.log(x) - fn.log1p(-x)
    here, there = _log_sigmoid(start), _log_sigmoid(-start)
    offset = fn.digamma(total) - fn.digamma(alpha)
    beta = total - alpha
    # The slope of the exponent in the logit grows to alpha or beta; the curvature is that of the logistic function.
    slope = (alpha - total * x).abs()
    final = fn.where(side > 0, beta, alpha)
    spread = fn.sqrt(2 * DEPTH / (total * x * (1 - x)))
    tail = DEPTH / final + start.abs()
    width = fn.minimum(DEPTH / slope.clamp(min=1e-30), tail + spread.clamp(max=10.0) + 2)
    width = fn.minimum(width, 4 * spread + fn.where(spread > 1, tail + 10, 0.0))

    def integrand(s):
        v = start + side * s
        up, down = _log_sigmoid(v), _log_sigmoid(-v)
        return fn.exp(alpha * (up - here) + beta * (down - there)) * (up + offset)

    return side * x * half_line(integrand, width)


def _log_sigmoid(v):
    return v.clamp(max=0) - fn.log1p(fn.exp(-v.abs()))


class StandardGamma(Function):
    """Gamma samples of scale 1, differentiable in their shape parameters."""

    @staticmethod
    def forward(ctx, concentration):
        sample = _standard_gamma(concentration.detach())
        ctx.save_for_backward(concentration, sample)
        return sample

    @staticmethod
    def backward(ctx, grad):
        return grad * _standard_gamma_grad(*ctx.saved_tensors)


class SampleDirichlet(Function):
    """Dirichlet samples, differentiable in their concentrations (..., K)."""

    @staticmethod
    def forward(ctx, concentration):
        sample = _sample_dirichlet(concentration.detach())
        ctx.save_for_backward(concentration, sample)
        return sample

    @staticmethod
    def backward(ctx, grad):
        concentration, sample = ctx.saved_tensors
        total = concentration.sum(-1, keepdim=True).expand_as(concentration)
        return _dirichlet_grad(sample, concentration, total) * (grad - (sample * grad).sum(-1, keepdim=True))
