"""Samples of normalisation."""

from __future__ import annotations

import numpy as np

from .formulas import slopes
from .sample import between, declare, normal, sample

declare(__name__)

# Normalisation.
EPS = 0.1


def normalised(x, axis, eps):
    mean, var = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    return (x - mean) / np.sqrt(var + eps), mean, var, 1 / np.sqrt(var + eps)


def per_channel(v, x):
    return v if v is None else v.reshape(-1, *(1,) * (x.ndim - 2))


def scaled(y, weight, bias):
    return y * (1 if weight is None else weight) + (0 if bias is None else bias)


def batch_norm(x, weight, bias, eps):
    h, mean, var, rstd = normalised(x, (0, *range(2, x.ndim)), eps)
    return (scaled(h, per_channel(weight, x), per_channel(bias, x)), *(v.reshape(-1) for v in (mean, var, rstd)))


def batch_norm_eval(x, weight, bias, mean, var, eps):
    h = (x - per_channel(mean, x)) / np.sqrt(per_channel(var, x) + eps)
    return scaled(h, per_channel(weight, x), per_channel(bias, x))


def layer_norm(x, weight, bias, ndim, eps):
    h, mean, _, rstd = normalised(x, tuple(range(x.ndim - ndim, x.ndim)), eps)
    return scaled(h, weight, bias), mean, rstd


def group_norm(x, weight, bias, groups, eps):
    h, mean, _, rstd = normalised(x.reshape(len(x), groups, -1), (2,), eps)
    return (scaled(h.reshape(x.shape), per_channel(weight, x), per_channel(bias, x)), mean[..., 0], rstd[..., 0])


def differences(f, g, x, weight):
    """Gradients by x, weight and bias of ``sum(g * f(x, weight, bias))`` by central differences."""
    weight = np.ones(g.shape) if weight is None else weight
    return tuple(slopes(lambda *v: (f(*v),), (x, weight, np.zeros(weight.shape)), (g,)))


for _x, _weight in (((3, 2, 2), True), ((4, 3), False), ((2, 2, 3, 2), True)):
    _c = _x[1]
    _args = (normal(_c), normal(_c)) if _weight else (None, None)
    _x0 = normal(*_x)
    sample("batch_norm_train", batch_norm, _x0, *_args, eps=EPS)
    sample("batch_norm_eval", batch_norm_eval, _x0, *_args, normal(_c), between(0.5, 2, _c), eps=EPS)
    _, _mean, _, _rstd = batch_norm(_x0, None, None, EPS)
    sample(
        "batch_norm_train_backward",
        lambda g, x, weight, mean, rstd: differences(
            lambda x, w, b: batch_norm(x, w, b, EPS)[0], g, x, np.ones(x.shape[1]) if weight is None else weight
        ),
        normal(*_x),
        _x0,
        _args[0],
        _mean,
        _rstd,
        tolerance=100,
        half=False,
    )
    _groups = 2 if _c == 2 else 3
    sample("group_norm", group_norm, _x0, *_args, groups=_groups, eps=EPS)
    _, _mean, _rstd = group_norm(_x0, None, None, _groups, EPS)
    sample(
        "group_norm_backward",
        lambda g, x, weight, mean, rstd, groups: differences(
            lambda x, w, b: group_norm(x, w, b, groups, EPS)[0], g, x, np.ones(x.shape[1]) if weight is None else weight
        ),
        normal(*_x),
        _x0,
        _args[0],
        _mean,
        _rstd,
        groups=_groups,
        tolerance=100,
        half=False,
    )
for _ndim, _weight in ((1, True), (2, True), (1, False)):
    _shape = (2, 3, 4)[3 - _ndim :]
    _args = (normal(*_shape), normal(*_shape)) if _weight else (None, None)
    _x0 = normal(2, 3, 4)
    sample("layer_norm", layer_norm, _x0, *_args, ndim=_ndim, eps=EPS)
    _, _mean, _rstd = layer_norm(_x0, None, None, _ndim, EPS)
    sample(
        "layer_norm_backward",
        lambda g, x, weight, mean, rstd, ndim: differences(
            lambda x, w, b: layer_norm(x, w, b, ndim, EPS)[0],
            g,
            x,
            np.ones(x.shape[3 - ndim :]) if weight is None else weight,
        ),
        normal(2, 3, 4),
        _x0,
        _args[0],
        _mean,
        _rstd,
        ndim=_ndim,
        tolerance=100,
        half=False,
    )
sample("layer_norm", layer_norm, normal(2, 4), None, normal(4), ndim=1, eps=EPS)
sample("batch_norm_train", batch_norm, np.moveaxis(normal(2, 5, 3), -1, 1), normal(3), normal(3), eps=EPS, grad=False)
sample(
    "layer_norm",
    layer_norm,
    normal(2, 64) * 0.01 + 1e4,
    None,
    None,
    ndim=1,
    eps=1e-12,
    grad=False,
    half=False,
    tolerance=1e4,
)

sample("layer_norm", layer_norm, np.zeros((0, 4)), normal(4), normal(4), ndim=1, eps=EPS, grad=False)
sample(
    "batch_norm_eval",
    batch_norm_eval,
    np.zeros((0, 3)),
    normal(3),
    normal(3),
    normal(3),
    between(0.5, 2, 3),
    eps=EPS,
    grad=False,
)
sample(
    "layer_norm",
    None,
    np.array([[np.inf, 1.0], [0.0, 0.0]]),
    None,
    None,
    ndim=1,
    eps=EPS,
    grad=False,
    check=lambda r, o, p: np.testing.assert_array_equal(r[0], [[np.nan, np.nan], [0, 0]]),
)
