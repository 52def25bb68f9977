"""Activations and the softmax family."""

from __future__ import annotations

import math

from ..op import derived


@derived("activation")
def relu(k, x):
    """``max(x, 0)``; nan stays nan."""
    return k.maximum(x, 0)


@derived("activation")
def threshold_backward(k, g, y):
    """0 where y <= 0, else g, also where y is nan: the gradient of relu by its result y."""
    return k.where(k.le(y, 0), 0, g)


@derived("activation")
def leaky_relu(k, x, *, slope):
    """x where positive, else ``slope * x``."""
    return k.where(k.gt(x, 0), x, k.mul(x, slope))


@derived("activation")
def elu(k, x, *, alpha, scale=1.0, input_scale=1.0):
    """``scale * x`` where positive, else ``scale * alpha * (exp(input_scale * x) - 1)``
    (Clevert et al., arXiv:1511.07289)."""
    low = k.mul(k.expm1(k.mul(k.minimum(x, 0), input_scale)), alpha * scale)
    return k.where(k.gt(x, 0), k.mul(x, scale), low)


@derived("activation")
def sigmoid(k, x):
    """``1 / (1 + exp(-x))``, by the tanh form, which does not overflow."""
    return k.add(k.mul(k.tanh(k.mul(x, 0.5)), 0.5), 0.5)


@derived("activation")
def log_sigmoid(k, x):
    """``log(sigmoid(x))`` without overflow."""
    return k.sub(k.minimum(x, 0), k.log1p(k.exp(k.neg(k.abs(x)))))


@derived("activation")
def softplus(k, x, *, beta, threshold):
    """``log(1 + exp(beta * x)) / beta``; x itself where ``beta * x > threshold``."""
    bx = k.mul(x, beta)
    inside = k.minimum(bx, threshold)
    return k.where(k.gt(bx, threshold), x, k.div(k.log1p(k.exp(inside)), beta))


@derived("activation")
def silu(k, x):
    """``x * sigmoid(x)`` (Elfwing et al., arXiv:1702.03118)."""
    return k.mul(x, k.sigmoid(x))


@derived("activation")
def mish(k, x):
    """``x * tanh(softplus(x))`` (Misra, arXiv:1908.08681)."""
    return k.mul(x, k.tanh(k.softplus(x, beta=1, threshold=20)))


@derived("activation")
def gelu(k, x, *, approximate="none"):
    """``x * Phi(x)`` with the normal distribution function Phi, or its "tanh" approximation
    (Hendrycks and Gimpel, arXiv:1606.08415)."""
    if approximate == "tanh":
        inner = k.mul(k.add(x, k.mul(k.mul(k.mul(x, x), x), 0.044715)), math.sqrt(2 / math.pi))
        return k.mul(k.mul(x, 0.5), k.add(k.tanh(inner), 1))
    return k.mul(k.mul(x, 0.5), k.add(k.erf(k.mul(x, math.sqrt(0.5))), 1))


@derived("activation")
def gelu_backward(k, g, x, *, approximate="none"):
    """Gradient of gelu for the cotangent g."""
    if approximate == "tanh":
        c = math.sqrt(2 / math.pi)
        x2 = k.mul(x, x)
        t = k.tanh(k.mul(k.mul(x, k.add(k.mul(x2, 0.044715), 1)), c))
        slope = k.mul(k.sub(1, k.mul(t, t)), k.mul(k.add(k.mul(x2, 3 * 0.044715), 1), c))
        return k.mul(g, k.add(k.mul(k.add(t, 1), 0.5), k.mul(k.mul(x, 0.5), slope)))
    cdf = k.mul(k.add(k.erf(k.mul(x, math.sqrt(0.5))), 1), 0.5)
    pdf = k.mul(k.exp(k.mul(k.mul(x, x), -0.5)), 1 / math.sqrt(2 * math.pi))
    return k.mul(g, k.add(cdf, k.mul(x, pdf)))


def _finite_max(k, x, axis):
    top = k.max(x, axis=axis, keepdims=True)
    return k.where(k.lt(k.abs(top), math.inf), top, 0)


@derived("softmax")
def softmax(k, x, *, axis):
    """``exp(x) / sum(exp(x))`` along one axis; a row of -inf alone, or with inf or nan in it, gives nan throughout."""
    if 0 in x.shape:
        return k.copy(x)
    e = k.exp(k.sub(x, k.max(x, axis=(axis,), keepdims=True)))
    return k.div(e, k.sum(e, axis=(axis,), keepdims=True))


@derived("softmax")
def softmax_backward(k, g, y, *, axis):
    """Gradient of softmax for the cotangent g and its result y."""
    return k.mul(y, k.sub(g, k.sum(k.mul(g, y), axis=(axis,), keepdims=True)))


@derived("softmax")
def log_softmax(k, x, *, axis):
    """``x - log(sum(exp(x)))`` along one axis; a row of -inf alone, or with inf or nan in it, gives nan throughout."""
    if 0 in x.shape:
        return k.copy(x)
    shifted = k.sub(x, k.max(x, axis=(axis,), keepdims=True))
    return k.sub(shifted, k.log(k.sum(k.exp(shifted), axis=(axis,), keepdims=True)))


@derived("softmax")
def log_softmax_backward(k, g, y, *, axis):
    """Gradient of log_softmax for the cotangent g and its result y."""
    return k.sub(g, k.mul(k.exp(y), k.sum(g, axis=(axis,), keepdims=True)))


@derived("softmax")
def logsumexp(k, x, *, axis, keepdims=False):
    """``log(sum(exp(x)))`` over a tuple of axes, without overflow; an empty sum gives -inf."""
    if math.prod(x.shape[i] for i in axis) == 0:
        return k.log(k.sum(k.exp(x), axis=axis, keepdims=keepdims))
    top = _finite_max(k, x, axis)
    total = k.add(k.log(k.sum(k.exp(k.sub(x, top)), axis=axis, keepdims=True)), top)
    if keepdims:
        return total
    return k.reshape(total, shape=tuple(n for i, n in enumerate(x.shape) if i not in axis))
