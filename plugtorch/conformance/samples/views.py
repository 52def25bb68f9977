"""Samples of composed views and triangles."""

from __future__ import annotations

import numpy as np

from .formulas import scattered
from .sample import complexes, declare, integers, normal, sample, strided

declare(__name__)

for _op, _f in (("tril", np.tril), ("triu", np.triu)):
    for _k in (-1, 0, 2):
        sample(_op, lambda x, diagonal, f=_f: f(x, diagonal), normal(2, 3, 4), diagonal=_k)
    sample(_op, lambda x, f=_f: f(x), np.full((2, 2), np.nan), grad=False)
sample(
    "diagonal",
    lambda x, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2),
    normal(3, 2, 4),
    offset=1,
    axis1=0,
    axis2=2,
)
sample(
    "diagonal",
    lambda x, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2),
    normal(3, 4),
    offset=-2,
    axis1=1,
    axis2=0,
)
sample(
    "unfold_dim",
    lambda x, axis, size, step: np.lib.stride_tricks.sliding_window_view(x, size, axis)[:, ::step],
    normal(2, 7, 2),
    axis=1,
    size=3,
    step=2,
)
sample(
    "as_strided",
    lambda x, shape, strides, offset: np.array(
        [[x.reshape(-1)[offset + i * 2 + j] for j in range(2)] for i in range(3)]
    ),
    normal(2, 4),
    shape=(3, 2),
    strides=(2, 1),
    offset=1,
)
sample(
    "as_strided",
    lambda x, shape, strides, offset: np.broadcast_to(x[0], shape),
    normal(3),
    shape=(4,),
    strides=(0,),
    offset=0,
)
sample(
    "index_add",
    lambda x, i, s, axis: scattered(x, np.broadcast_to(i[:, None], s.shape), s, axis, "add"),
    normal(3, 2),
    np.array([0, 2, 0, 0]),
    normal(4, 2),
    axis=0,
)
sample(
    "index_add",
    lambda x, i, s, axis: scattered(x, np.broadcast_to(i, s.shape), s, axis, "add"),
    normal(2, 3),
    np.array([0, 2, 0]),
    normal(2, 3),
    axis=1,
)
sample(
    "index_add",
    lambda x, i, s, axis: scattered(x, i, s, axis, "add"),
    integers(0, 9, 3),
    np.array([0, 2, 0]),
    integers(0, 9, 3),
    axis=0,
)

sample("index_add", lambda x, i, s, axis: x, normal(3, 4), np.zeros(0, np.int64), np.zeros((0, 4)), axis=0, grad=False)
for _op, _f in (("tril", np.tril), ("triu", np.triu)):
    sample(_op, lambda x, f=_f: f(x), np.zeros((0, 3)), grad=False)
    sample(_op, lambda x, f=_f: f(x), np.array([[1, -128], [127, 3]], np.int8))
sample("diagonal", lambda x, offset, axis1, axis2: np.zeros((0,)), normal(2, 3), offset=5, axis1=0, axis2=1, grad=False)

sample("select", lambda x, axis, index: np.take(x, index, axis), normal(3, 4, 2), axis=1, index=2)
sample("select", lambda x, axis, index: x[1], strided(normal(1, 3))[0], axis=0, index=1)
sample("select", lambda x, axis, index: x[:, 2], np.zeros((0, 4)), axis=1, index=2, grad=False)
sample("view_as_real", lambda x: np.stack((x.real, x.imag), -1), complexes(2, 3))
sample(
    "view_as_real",
    lambda x: np.stack((x.real, x.imag), -1),
    np.array([complex(np.inf, np.nan), complex(-0.0, 1)]),
    grad=False,
    signs=True,
)
sample("view_as_complex", lambda x: x[..., 0] + 1j * x[..., 1], normal(3, 2), half=False)
sample(
    "view_as_complex",
    lambda x: np.array([complex(np.inf, 1), complex(0, np.nan)]),
    np.array([[np.inf, 1], [0, np.nan]]),
    grad=False,
    half=False,
)
