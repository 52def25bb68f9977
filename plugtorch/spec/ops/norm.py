"""Normalisation layers as whole ops, with their gradients.

All return the statistics that the gradient needs. ``weight`` and ``bias`` may be None.
"""

from __future__ import annotations

import math

from ..op import derived


def _moments(k, x, axis, eps):
    mean = k.mean(x, axis=axis, keepdims=True)
    centred = k.sub(x, mean)
    var = k.mean(k.mul(centred, centred), axis=axis, keepdims=True)
    return centred, mean, var, k.rsqrt(k.add(var, eps))


def _affine(k, y, weight, bias, shape):
    if weight is not None:
        y = k.mul(y, k.reshape(weight, shape=shape))
    return y if bias is None else k.add(y, k.reshape(bias, shape=shape))


def _channels(x):
    return (1, x.shape[1], *(1,) * (len(x.shape) - 2))


@derived("normalisation", outputs=("y", "mean", "var", "rstd"))
def batch_norm_train(k, x, weight, bias, *, eps):
    """Batch normalisation of (N, C, *S) by its own moments per channel (Ioffe and Szegedy, arXiv:1502.03167).

    Returns the result, and per channel the mean, the biased variance and ``1 / sqrt(var + eps)``.
    """
    axis = (0, *range(2, len(x.shape)))
    centred, mean, var, rstd = _moments(k, x, axis, eps)
    y = _affine(k, k.mul(centred, rstd), weight, bias, _channels(x))
    flat = (x.shape[1],)
    return y, k.reshape(mean, shape=flat), k.reshape(var, shape=flat), k.reshape(rstd, shape=flat)


@derived("normalisation", outputs=("gx", "gweight", "gbias"))
def batch_norm_train_backward(k, g, x, weight, mean, rstd):
    """Gradients of batch_norm_train's first result by x, weight and bias."""
    axis, shape = (0, *range(2, len(x.shape))), _channels(x)
    h = k.mul(k.sub(x, k.reshape(mean, shape=shape)), k.reshape(rstd, shape=shape))
    gbias = k.sum(g, axis=axis)
    gweight = k.sum(k.mul(g, h), axis=axis)
    n = math.prod(x.shape) // max(x.shape[1], 1)
    inner = k.add(k.mul(h, k.reshape(gweight, shape=shape)), k.reshape(gbias, shape=shape))
    gx = k.mul(k.sub(g, k.mul(inner, 1 / max(n, 1))), k.reshape(rstd, shape=shape))
    if weight is not None:
        gx = k.mul(gx, k.reshape(weight, shape=shape))
    return gx, gweight, gbias


@derived("normalisation")
def batch_norm_eval(k, x, weight, bias, mean, var, *, eps):
    """Batch normalisation of (N, C, *S) by given moments per channel."""
    shape = _channels(x)
    y = k.mul(k.sub(x, k.reshape(mean, shape=shape)), k.reshape(k.rsqrt(k.add(var, eps)), shape=shape))
    return _affine(k, y, weight, bias, shape)


@derived("normalisation", outputs=("y", "mean", "rstd"))
def layer_norm(k, x, weight, bias, *, ndim, eps):
    """Normalisation over the last ``ndim`` axes (Ba et al., arXiv:1607.06450); weight and bias have their shape.
    The statistics keep the reduced axes as 1."""
    axis = tuple(range(len(x.shape) - ndim, len(x.shape)))
    centred, mean, _, rstd = _moments(k, x, axis, eps)
    return _affine(k, k.mul(centred, rstd), weight, bias, x.shape[len(x.shape) - ndim:]), mean, rstd


@derived("normalisation", outputs=("gx", "gweight", "gbias"))
def layer_norm_backward(k, g, x, weight, mean, rstd, *, ndim):
    """Gradients of layer_norm's first result by x, weight and bias."""
    inner = tuple(range(len(x.shape) - ndim, len(x.shape)))
    outer = tuple(range(len(x.shape) - ndim))
    h = k.mul(k.sub(x, mean), rstd)
    gweight, gbias = k.sum(k.mul(g, h), axis=outer), k.sum(g, axis=outer)
    s = g if weight is None else k.mul(g, weight)
    drop = k.add(k.mean(s, axis=inner, keepdims=True), k.mul(h, k.mean(k.mul(s, h), axis=inner, keepdims=True)))
    return k.mul(k.sub(s, drop), rstd), gweight, gbias


@derived("normalisation", outputs=("y", "mean", "rstd"))
def group_norm(k, x, weight, bias, *, groups, eps):
    """Normalisation of (N, C, *S) over groups of channels (Wu and He, arXiv:1803.08494); statistics (N, groups)."""
    n, c = x.shape[:2]
    grouped = k.reshape(x, shape=(n, groups, math.prod(x.shape) // max(n * groups, 1)))
    centred, mean, _, rstd = _moments(k, grouped, (2,), eps)
    y = k.reshape(k.mul(centred, rstd), shape=x.shape)
    return (_affine(k, y, weight, bias, _channels(x)), k.reshape(mean, shape=(n, groups)),
            k.reshape(rstd, shape=(n, groups)))


@derived("normalisation", outputs=("gx", "gweight", "gbias"))
def group_norm_backward(k, g, x, weight, mean, rstd, *, groups):
    """Gradients of group_norm's first result by x, weight and bias."""
    n, c = x.shape[:2]
    size = math.prod(x.shape) // max(n * groups, 1)
    split = (n, groups, size)
    axis = (0, *range(2, len(x.shape)))
    h3 = k.mul(k.sub(k.reshape(x, shape=split), k.reshape(mean, shape=(n, groups, 1))),
               k.reshape(rstd, shape=(n, groups, 1)))
    h = k.reshape(h3, shape=x.shape)
    gweight, gbias = k.sum(k.mul(g, h), axis=axis), k.sum(g, axis=axis)
    s = g if weight is None else k.mul(g, k.reshape(weight, shape=_channels(x)))
    s3 = k.reshape(s, shape=split)
    drop = k.add(k.mean(s3, axis=(2,), keepdims=True),
                 k.mul(h3, k.mean(k.mul(s3, h3), axis=(2,), keepdims=True)))
    gx = k.mul(k.sub(s3, drop), k.reshape(rstd, shape=(n, groups, 1)))
    return k.reshape(gx, shape=x.shape), gweight, gbias
