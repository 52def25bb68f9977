"""Samples of composed reductions."""

from __future__ import annotations

import math

import numpy as np

from .formulas import BF16, ordered, quiet, reduction
from .sample import complexes, declare, distinct, normal, sample

declare(__name__)

reduction("mean", np.mean, complex_too=True)
sample("mean", lambda x, axis: np.full(2, np.nan), np.zeros((2, 0)), axis=(1,), grad=False)
for _type in (np.float16, BF16):
    sample(
        "mean",
        None,
        np.ones((1000,), _type),
        axis=(0,),
        check=lambda r, o, p: np.testing.assert_array_equal(r[0].astype(float), 1),
    )
for _type in (np.float16, BF16):
    sample(
        "norm",
        None,
        np.full((2000,), 0.5, _type),
        p=2,
        axis=(0,),
        check=lambda r, o, p: np.testing.assert_allclose(r[0].astype(float), math.sqrt(500), rtol=4e-3),
    )
for _descending in (False, True):
    sample(
        "topk",
        lambda x, count, axis, largest, d=_descending: tuple(v[:, :count] for v in ordered(x, axis, d)),
        distinct(2, 5),
        count=3,
        axis=1,
        largest=_descending,
    )
for _op, _f, _g in (("max_index", np.max, np.argmax), ("min_index", np.min, np.argmin)):
    for _keep in (False, True):
        sample(
            _op,
            lambda x, axis, keepdims, f=_f, g=_g: (
                f(x, axis=axis, keepdims=keepdims),
                g(x, axis=axis, keepdims=keepdims),
            ),
            distinct(3, 4),
            axis=1,
            keepdims=_keep,
        )


def var_mean(x, axis, correction=1, keepdims=False):
    return (np.var(x, axis=axis, ddof=correction, keepdims=keepdims), np.mean(x, axis=axis, keepdims=keepdims))


sample("var_mean", var_mean, normal(3, 4), axis=(1,))
sample("var_mean", var_mean, normal(3, 4), axis=(0, 1), correction=0, keepdims=True)
sample("var_mean", var_mean, complexes(3, 4), axis=(0,))
sample("var_mean", var_mean, normal(3, 4) + 1e6, axis=(1,), grad=False, half=False, tolerance=1e3)
for _p in (0, 0.5, 1, 1.5, 2, 3, math.inf, -math.inf):
    sample("norm", lambda x, p, axis: np.linalg.norm(x, p, axis=1), distinct(2, 4) + 0.33, p=_p, axis=(1,))
    sample("norm", lambda x, p, axis: np.linalg.norm(np.abs(x), p, axis=0), complexes(4), p=_p, axis=(0,))
sample(
    "norm",
    lambda x, p, axis, keepdims: np.sqrt((x**2).sum(axis=axis, keepdims=True)),
    normal(2, 3, 2),
    p=2,
    axis=(0, 2),
    keepdims=True,
)

NOT_FINITE = np.array([[1.0, np.nan, 2.0], [np.inf, 1.0, -2.0]])
sample("var_mean", quiet(var_mean), NOT_FINITE, axis=(1,), grad=False)
sample(
    "var_mean",
    lambda x, axis: (np.array([np.nan, np.nan]), np.array([3.0, 4.0])),
    np.array([[3.0, 4.0]]),
    axis=(0,),
    grad=False,
)
for _p in (1, 2, math.inf, 3):
    sample("norm", lambda x, p, axis: np.array([np.nan, np.inf]), NOT_FINITE, p=_p, axis=(1,), grad=False)
sample("norm", lambda x, p, axis: np.zeros(2), np.zeros((2, 0)), p=2, axis=(1,), grad=False)
sample("norm", lambda x, p, axis: np.abs(x), np.asarray(-3.0), p=2, axis=(), grad=False)
for _op in ("max_index", "min_index"):
    sample(
        _op, lambda x, axis: (np.array([np.nan]), np.array([1])), np.array([[1.0, np.nan, np.nan]]), axis=1, grad=False
    )
sample(
    "topk",
    lambda x, count, axis, largest: (np.array([np.nan, 3.0]), np.array([1, 2])),
    np.array([1.0, np.nan, 3.0]),
    count=2,
    axis=0,
    largest=True,
    grad=False,
)
sample(
    "topk",
    lambda x, count, axis, largest: (np.zeros((2, 0)), np.zeros((2, 0), np.int64)),
    normal(2, 3),
    count=0,
    axis=1,
    largest=True,
    grad=False,
)
