"""Samples of indexing."""

from __future__ import annotations

import numpy as np

from .formulas import COMBINE, scattered
from .sample import between, complexes, declare, distinct, integers, normal, sample

declare(__name__)

sample(
    "slice_put",
    lambda x, v, start, stop, step: np.array([x[0], v[0], x[2], v[1], x[4]]),
    normal(5),
    normal(2),
    start=(1,),
    stop=(4,),
    step=(2,),
)
sample(
    "slice_put",
    lambda x, v, start, stop, step: np.vstack([x[:1], v, x[3:]]),
    normal(4, 2),
    normal(2, 2),
    start=(1, 0),
    stop=(3, 2),
    step=(1, 1),
)
sample(
    "slice_put", lambda x, v, start, stop, step: x, normal(3), np.zeros(0), start=(1,), stop=(1,), step=(1,), grad=False
)


def placed(g, shape, start, stop, step):
    y = np.zeros(shape, g.dtype)
    for at in np.ndindex(*g.shape):
        y[tuple(a + i * s for a, i, s in zip(start, at, step, strict=True))] = g[at]
    return y


sample("slice_backward", placed, normal(2, 3), shape=(5, 4), start=(1, 0), stop=(4, 3), step=(2, 1))
sample("slice_backward", placed, complexes(2), shape=(3,), start=(1,), stop=(3,), step=(1,))
sample("slice_backward", placed, np.zeros((0, 2)), shape=(3, 2), start=(1, 0), stop=(1, 2), step=(1, 1), grad=False)
sample("slice_backward", placed, np.array(2.5), shape=(), start=(), stop=(), step=())
# Index.
_i = np.array([2, 0, 2])
sample("take", lambda x, i, axis: np.take(x, i, axis), normal(3, 4), _i, axis=0)
sample("take", lambda x, i, axis: np.take(x, i, axis), normal(2, 3), np.array([[0, 1], [2, 2]]), axis=1)
sample("take", lambda x, i, axis: np.take(x, i, axis), normal(2, 3), np.asarray(1), axis=1)
sample("take", lambda x, i, axis: np.zeros((0, 3)), normal(2, 3), np.zeros(0, np.int64), axis=0, grad=False)


def gathered(x, i, axis):
    y = np.empty(i.shape, x.dtype)
    for at in np.ndindex(*i.shape):
        y[at] = x[(*at[:axis], i[at], *at[axis + 1 :])]
    return y


_g = np.array([[0, 2, 1], [1, 1, 0]])
sample("gather", gathered, normal(3, 4), _g, axis=0)
sample("gather", gathered, normal(3, 4), _g, axis=1)
sample("gather", lambda x, i, axis: x, normal(), np.asarray(0), axis=0)
def picked(x, i, axis):
    y = np.empty(i.shape, x.dtype)
    for at in np.ndindex(*i.shape):
        y[at] = x[(*at[:axis], i[at], *at[axis:])]
    return y


def unpicked(g, i, axis, size):
    y = np.zeros((*g.shape[:axis], size, *g.shape[axis:]), g.dtype)
    for at in np.ndindex(*i.shape):
        y[(*at[:axis], i[at], *at[axis:])] = g[at]
    return y


for _axis, _shape in ((0, (3, 4)), (1, (5, 3)), (1, (2, 3, 4)), (2, (2, 3, 4))):
    _x = normal(*_shape)
    _i = integers(0, _shape[_axis], *_shape[:_axis], *_shape[_axis + 1:])
    sample("pick", picked, _x, _i, axis=_axis)
    sample("pick_backward", unpicked, normal(*_i.shape), _i, axis=_axis, size=_shape[_axis])
sample("pick", lambda x, i, axis: x.sum(1), np.zeros((0, 3)), np.zeros(0, np.int64), axis=1, grad=False)
sample("pick_backward", lambda g, i, axis, size: np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64), axis=1, size=3,
       grad=False)
for _mode in COMBINE:
    _places = np.array([[0, 2, 1], [1, 0, 0]]) if _mode != "set" else np.array([[0, 2, 1], [1, 0, 0]])[:, :3]
    sample(
        "scatter",
        scattered,
        distinct(3, 3) + 0.017,
        _places,
        distinct(2, 3) + 0.04 + (0.01 if _mode == "max" else 0),
        axis=0,
        mode=_mode,
    )
    sample(
        "scatter",
        scattered,
        distinct(2, 4) + 0.017,
        np.array([[0, 3], [2, 1]]),
        distinct(2, 3) + 0.03,
        axis=1,
        mode=_mode,
    )
    sample(
        "scatter",
        scattered,
        integers(0, 9, 4, dtype=np.int32),
        np.array([1, 1, 3]),
        integers(0, 9, 3, dtype=np.int32),
        axis=0,
        mode=_mode,
    )
sample("scatter", scattered, complexes(3), np.array([1, 1, 2]), complexes(3), axis=0, mode="add")
sample("scatter", scattered, normal(4), np.array([1] * 40), between(0, 1, 40), axis=0, mode="add", grad=False)
sample("scatter", lambda x, i, s, axis: s, normal(), np.asarray(0), normal(), axis=0)


def indexed(x, *idx):
    return x[tuple(slice(None) if i is None else i for i in idx)]


def put(x, v, *idx, accumulate=False):
    y, idx = x.copy(), tuple(slice(None) if i is None else i for i in idx)
    if not accumulate:
        y[idx] = v
        return y
    places = np.arange(x.size).reshape(x.shape)[idx]
    for place, value in zip(places.reshape(-1), np.broadcast_to(v, places.shape).reshape(-1), strict=True):
        y.reshape(-1)[place] += value
    return y


_a, _b = np.array([0, 1, 1]), np.array([2, 0, 0])
for _x, _idx in (
    (normal(2, 3), (_a,)),
    (normal(2, 3), (_a, _b)),
    (normal(4, 3), (None, _b)),
    (normal(2, 2, 3), (_a, None, _b)),
    (normal(2, 3, 2), (_a[:, None], _b[None])),
    (normal(2, 2, 3, 2), (None, _a, _b)),
):
    sample("index", indexed, _x, *_idx)
    _v = normal(*indexed(_x, *_idx).shape)
    sample("index_put", put, _x, _v, *_idx, accumulate=True)
    sample("index_put", put, _x, normal(), *_idx, accumulate=True)
sample("index_put", put, normal(4, 3), normal(2, 3), np.array([3, 1]))
sample("index_put", put, normal(4, 3), normal(2), np.array([3, 1]), np.array([0, 2]))
sample("index_put", put, normal(4), normal(), np.array([3, 1]))
sample("index_put", put, integers(0, 5, 4), integers(0, 5, 3), np.array([1, 1, 0]), accumulate=True)
sample("index_put", put, complexes(4), complexes(3), np.array([1, 1, 0]), accumulate=True)
sample("index_put", put, normal(4), normal(64), integers(0, 4, 64), accumulate=True, grad=False)
sample("nonzero", lambda x: np.argwhere(x), np.array([[0, 2, 0], [1, 0, np.nan]]), grad=False, half=False)
sample("nonzero", lambda x: np.argwhere(x), np.array([False, True]))
sample("nonzero", lambda x: np.zeros((1, 0), np.int64), np.asarray(True))
sample("nonzero", lambda x, size: np.array([[1], [3], [0]]), np.array([0, 5, 0, 2]), size=3)

# No indices; nothing to index.
NONE = np.zeros(0, np.int64)
sample("gather", lambda x, i, axis: np.zeros((0, 4)), normal(3, 4), np.zeros((0, 4), np.int64), axis=0, grad=False)
sample(
    "scatter", lambda x, i, s, axis: x, normal(3, 4), np.zeros((0, 4), np.int64), np.zeros((0, 4)), axis=0, grad=False
)
sample("scatter", lambda x, i, s, axis, mode: x, normal(3), NONE, np.zeros(0), axis=0, mode="add", grad=False)
sample("index", lambda x, i: np.zeros((0, 4)), normal(3, 4), NONE, grad=False)
sample("index_put", lambda x, v, i: x, normal(3, 4), np.zeros((0, 4)), NONE, grad=False)
sample("index_put", lambda x, v, i, accumulate: x, normal(3, 4), np.zeros((0, 4)), NONE, accumulate=True, grad=False)
sample("nonzero", lambda x: np.zeros((0, 2), np.int64), np.zeros((2, 3)), grad=False)
sample("nonzero", lambda x: np.argwhere(x), np.array([0.0, -0.0, np.nan, np.inf]), grad=False, half=False)
sample("take", lambda x, i, axis: x[:0], np.zeros((0, 3)), NONE, axis=0, grad=False)
sample(
    "scatter",
    scattered,
    np.array([1.0, np.nan, 3.0]),
    np.array([0, 1, 2]),
    np.array([np.nan, 2.0, np.inf]),
    axis=0,
    mode="max",
    grad=False,
    check=lambda r, o, p: np.testing.assert_array_equal(r[0][2], np.inf),
)
