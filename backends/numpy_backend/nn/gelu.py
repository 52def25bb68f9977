"""Gaussian error linear unit (Hendrycks and Gimpel, 2016), exact and with the tanh approximation, and
adjoints."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from .erf import ERF_TANH, chunked, erf_double, erf_tanh_argument

__all__ = ["gelu", "gelu_backward"]

# p of erf(x / sqrt(2)) = tanh(x * p(x * x)), from that of erf(x).
_SCALED = tuple(c * 0.5 ** (len(ERF_TANH) - 1 - i) / sqrt(2) for i, c in enumerate(ERF_TANH))
_SLOPE, _CUBIC = sqrt(2 / pi), 0.044715


def gelu(x, *, approximate):
    """``x * Phi(x)`` with the normal distribution function Phi; ``approximate`` is ``"none"`` or
    ``"tanh"``."""
    return chunked(_tanh_forward if approximate == "tanh" else _forward, x)


def gelu_backward(g, x, *, approximate):
    """Gradient of `gelu`: ``g * (Phi(x) + x * phi(x))``."""
    return chunked(_tanh_backward if approximate == "tanh" else _backward, x, g)


def _distribution_twice(x, out):
    """``1 + erf(x / sqrt(2))`` into ``out``."""
    if x.dtype == np.float32:
        erf_tanh_argument(x, _SCALED, np.empty_like(x), out)
        np.tanh(out, out=out)
    else:
        erf_double(out, x * sqrt(0.5))
    np.add(out, 1, out=out)


def _forward(out, x):
    _distribution_twice(x, out)
    np.multiply(out, x, out=out)
    np.multiply(out, 0.5, out=out)


def _backward(out, x, g):
    _distribution_twice(x, out)
    density = x * x
    np.multiply(density, -0.5, out=density)
    np.exp(density, out=density)
    np.multiply(density, x, out=density)
    np.multiply(density, _SLOPE, out=density)
    np.add(out, density, out=out)
    np.multiply(out, g, out=out)
    np.multiply(out, 0.5, out=out)


def _inner(x, square, out):
    np.multiply(x, x, out=square)
    np.multiply(square, _SLOPE * _CUBIC, out=out)
    np.add(out, _SLOPE, out=out)
    np.multiply(out, x, out=out)
    np.tanh(out, out=out)


def _tanh_forward(out, x):
    _inner(x, np.empty_like(x), out)
    np.add(out, 1, out=out)
    np.multiply(out, x, out=out)
    np.multiply(out, 0.5, out=out)


def _tanh_backward(out, x, g):
    square, t = np.empty_like(x), np.empty_like(x)
    _inner(x, square, t)
    # 0.5 * (1 + t) * (1 + x * (1 - t) * inner'), inner' = slope * (1 + 3 * cubic * x * x).
    np.multiply(square, 3 * _SLOPE * _CUBIC, out=square)
    np.add(square, _SLOPE, out=square)
    np.multiply(square, x, out=square)
    np.subtract(1, t, out=out)
    np.multiply(square, out, out=square)
    np.add(square, 1, out=square)
    np.add(t, 1, out=t)
    np.multiply(square, t, out=out)
    np.multiply(out, g, out=out)
    np.multiply(out, 0.5, out=out)
