"""Samples of activations and their gradients."""

from __future__ import annotations

import math

import numpy as np

from .formulas import INT8, unary, vector
from .sample import between, declare, normal, sample, strided

declare(__name__)

unary("sigmoid", lambda x: 1 / (1 + np.exp(-x)), -3, 3, complex_too=True)
unary("log_sigmoid", lambda x: -np.log1p(np.exp(-x)), -3, 3, signs=False)
unary("silu", lambda x: x / (1 + np.exp(-x)), -3, 3)
unary("mish", lambda x: x * np.tanh(np.log1p(np.exp(x))), -3, 3)
sample("sigmoid", lambda x: np.array([0, 1, 0.5, np.nan]), np.array([-np.inf, np.inf, 0, np.nan]), grad=False)
sample(
    "sigmoid",
    lambda x: 1 / (1 + np.exp(-x)),
    np.array([-700.0, -40.0, 40.0, 700.0]),
    grad=False,
    half=False,
    check=lambda r, o, p: np.testing.assert_allclose(r[0], 1 / (1 + np.exp(-o[0])), atol=1e-15),
)
sample("log_sigmoid", lambda x: np.array([-1000.0, 0.0]), np.array([-1000.0, 1000.0]), grad=False)
# Activations.
_x = np.array([-2.0, -0.3, 0.4, 3.0])
sample("relu", lambda x: np.where(x > 0, x, 0), _x)
sample("relu", lambda x: np.array([0, np.inf, np.nan]), np.array([-np.inf, np.inf, np.nan]), grad=False)
sample("relu", lambda x: np.maximum(x, 0), INT8)
sample("threshold_backward", lambda g, y: np.where(y > 0, g, 0), normal(4), np.array([0, 1.0, -0.5, 2]))
sample(
    "threshold_backward",
    lambda g, y: np.array([0, np.inf, 0, np.nan, 3]),
    np.array([np.inf, np.inf, np.nan, np.nan, 3]),
    np.array([0, 1.0, 0, 2, np.nan]),
    grad=False,
)
sample("leaky_relu", lambda x, slope: np.where(x > 0, x, slope * x), _x, slope=0.1)
sample("elu", lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)), _x, alpha=1.3)
sample(
    "elu",
    lambda x, alpha, scale, input_scale: scale * np.where(x > 0, x, alpha * np.expm1(x * input_scale)),
    _x,
    alpha=1.6,
    scale=1.05,
    input_scale=0.7,
)
sample(
    "softplus",
    lambda x, beta, threshold: np.where(beta * x > threshold, x, np.log1p(np.exp(beta * x)) / beta),
    _x,
    beta=2.0,
    threshold=5.0,
)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * 0.5 * (1 + vector(math.erf)(x / math.sqrt(2)))


def gelu_slope(g, x, approximate="none"):
    h = 1e-5
    return g * (gelu(x + h, approximate) - gelu(x - h, approximate)) / (2 * h)


for _how in ("none", "tanh"):
    sample("gelu", gelu, _x, approximate=_how)
    sample("gelu", gelu, strided(normal(3, 5)), approximate=_how, grad=False)
    sample("gelu_backward", gelu_slope, normal(4), _x, approximate=_how, tolerance=10)
_lse = lambda x, axis, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))  # noqa: E731
sample("logsumexp", _lse, normal(2, 3), axis=(1,))
sample("logsumexp", _lse, normal(2, 3, 2), axis=(0, 2), keepdims=True)
sample(
    "logsumexp",
    lambda x, axis: np.array([1000 + math.log(2), -np.inf, np.inf]),
    np.array([[1000, 1000], [-np.inf, -np.inf], [np.inf, 1]]),
    axis=(1,),
    grad=False,
    half=False,
)


def soft(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


for _axis in (0, 1):
    sample("softmax", soft, normal(3, 4), axis=_axis)
    sample("log_softmax", lambda x, axis: np.log(soft(x, axis)), normal(3, 4), axis=_axis)
    sample("log_softmax", lambda x, axis: np.log(soft(x, axis)), normal(2, 3, 4), axis=_axis)
    sample(
        "softmax_backward",
        lambda g, y, axis: y * (g - (g * y).sum(axis, keepdims=True)),
        normal(3, 4),
        between(0, 1, 3, 4),
        axis=_axis,
    )
    sample(
        "log_softmax_backward",
        lambda g, y, axis: g - np.exp(y) * g.sum(axis, keepdims=True),
        normal(3, 4),
        normal(3, 4),
        axis=_axis,
    )
sample("softmax", soft, np.array([[1000.0, 0, 999], [-1000, -1001, -999]]), axis=1, grad=False, half=False)
sample(
    "log_softmax",
    lambda x, axis: np.array([[0.0, -1000], [-1e-9 * 0, -3000]]),
    np.array([[1000.0, 0], [-1000, -4000]]),
    axis=1,
    grad=False,
    half=False,
)
sample(
    "softmax",
    lambda x, axis: np.array([[np.nan] * 2, [0, 1]]),
    np.array([[-np.inf, -np.inf], [-np.inf, 2]]),
    axis=1,
    grad=False,
)
sample(
    "log_softmax",
    lambda x, axis: np.array([[np.nan] * 2, [-np.inf, 0]]),
    np.array([[-np.inf, -np.inf], [-np.inf, 2]]),
    axis=1,
    grad=False,
)
sample("softmax", lambda x, axis: np.ones((3, 1)), normal(3, 1), axis=1, grad=False)

# Limits, and nan.
FAR = np.array([-np.inf, -1000.0, -0.0, 0.0, 1000.0, np.inf, np.nan])
sample(
    "leaky_relu", lambda x, slope: np.array([-np.inf, -10.0, 0, 0, 1000.0, np.inf, np.nan]), FAR, slope=0.01, grad=False
)
sample("elu", lambda x, alpha: np.array([-1.5, -1.5, 0, 0, 1000.0, np.inf, np.nan]), FAR, alpha=1.5, grad=False)
sample(
    "softplus",
    lambda x, beta, threshold: np.array([0, 0, math.log(2), math.log(2), 1000.0, np.inf, np.nan]),
    FAR,
    beta=1.0,
    threshold=20.0,
    grad=False,
)
sample(
    "gelu",
    lambda x: np.array([np.nan, 0, 0, 0, 1000.0, np.inf, np.nan]),
    FAR,
    grad=False,
    check=lambda r, o, p: np.testing.assert_array_equal(r[0][1:], [0, 0, 0, 1000.0, np.inf, np.nan]),
)
sample("relu", lambda x: np.zeros((0, 2)), np.zeros((0, 2)), grad=False)
for _op in ("softmax", "log_softmax"):
    sample(_op, lambda x, axis: np.zeros((0, 3)), np.zeros((0, 3)), axis=1, grad=False)
    sample(_op, lambda x, axis: np.full((1, 3), np.nan), np.array([[1.0, np.nan, 2.0]]), axis=1, grad=False)
    sample(_op, lambda x, axis: np.full((1, 2), np.nan), np.array([[np.inf, 1.0]]), axis=1, grad=False)
sample("logsumexp", lambda x, axis: np.array([-np.inf, -np.inf]), np.zeros((2, 0)), axis=(1,), grad=False)
sample("logsumexp", lambda x, axis: np.array([np.nan]), np.array([[np.nan, 1.0]]), axis=(1,), grad=False)
