"""Cases of reductions, scans, sorting, shape and index ops, and of those that make arrays."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from plugtorch.spec import dtypes

from .cases import SPECIAL, between, case, complexes, distinct, integers, normal, strided

BF16 = np.dtype(ml_dtypes.bfloat16)


def total(f):
    return lambda x, axis, keepdims=False: f(x, axis=axis, keepdims=keepdims)


SHAPES = [((2, 3, 4), (1,)), ((2, 3, 4), (0, 2)), ((2, 3, 4), (0, 1, 2)), ((3,), (0,)), ((), ()), ((2, 3), ())]
for _op, _f in (("sum", np.sum), ("prod", np.prod), ("mean", np.mean), ("max", np.max), ("min", np.min)):
    for _shape, _axis in SHAPES:
        _x = np.asarray(distinct(*_shape) + 0.37) if _op in ("max", "min") else between(0.5, 2, *_shape)
        case(_op, total(_f), _x, axis=_axis)
        case(_op, total(_f), _x, axis=_axis, keepdims=True, grad=False)
    case(_op, total(_f), strided(distinct(3, 4)), axis=(0,), grad=False)
for _op, _f in (("sum", np.sum), ("prod", np.prod), ("mean", np.mean)):
    case(_op, total(_f), complexes(2, 3), axis=(1,))
for _op, _f in (("sum", np.sum), ("prod", np.prod)):
    case(_op, lambda x, axis, f=_f: f(x, axis=axis, dtype=np.int64), integers(0, 200, 3, 2, dtype=np.uint8), axis=(0,))
    case(_op, lambda x, axis, f=_f: f(x, axis=axis, dtype=np.int64), np.array([True, True, False]), axis=(0,))
    case(_op, total(_f), np.zeros((2, 0)), axis=(1,), grad=False)
case("prod", total(np.prod), np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]]), axis=(1,))
case("mean", lambda x, axis: np.full(2, np.nan), np.zeros((2, 0)), axis=(1,), grad=False)
# A running sum in float32 would be off by 0.95; a sum in half would stop at 256 or 2048.
for _shape, _axis in (
    ((1000000,), (0,)),
    ((1000000, 1), (0,)),
    ((100000, 3), (0,)),
    ((3, 100000), (1,)),
    ((1000, 1000), (0, 1)),
    ((2, 5000, 3), (1,)),
):
    _n = math.prod(_shape[i] for i in _axis)
    case(
        "sum",
        None,
        np.full(_shape, 0.1, np.float32),
        axis=_axis,
        check=lambda r, o, p, n=_n: np.testing.assert_allclose(r[0], np.float64(np.float32(0.1)) * n, rtol=5e-6),
    )
for _type in (np.float16, BF16):
    case(
        "sum",
        None,
        np.ones((5000, 2), _type),
        axis=(0,),
        check=lambda r, o, p: np.testing.assert_allclose(r[0].astype(float), 5000, rtol=2e-3),
    )
    case(
        "mean",
        None,
        np.ones((1000,), _type),
        axis=(0,),
        check=lambda r, o, p: np.testing.assert_array_equal(r[0].astype(float), 1),
    )
    case(
        "cumsum",
        None,
        np.ones((1000,), _type),
        axis=0,
        check=lambda r, o, p: np.testing.assert_allclose(r[0].astype(float), np.arange(1, 1001), rtol=4e-3),
    )
    case(
        "norm",
        None,
        np.full((2000,), 0.5, _type),
        p=2,
        axis=(0,),
        check=lambda r, o, p: np.testing.assert_allclose(r[0].astype(float), math.sqrt(500), rtol=4e-3),
    )
case(
    "cumsum",
    None,
    np.full((1000000,), 0.1, np.float32),
    axis=0,
    check=lambda r, o, p: np.testing.assert_allclose(r[0][-1], np.float64(np.float32(0.1)) * 1e6, rtol=1e-5),
)
for _op, _f in (("max", np.max), ("min", np.min)):
    case(_op, lambda x, axis: np.array(np.nan), SPECIAL, axis=(0,), grad=False)
    case(_op, total(_f), integers(-5, 5, 3, 4, dtype=np.int8), axis=(1,))
    case(_op, total(_f), np.array([[True, False], [False, False]]), axis=(1,))
    case(_op, lambda x, axis: np.zeros((0,)), np.zeros((0, 2)), axis=(1,), grad=False)
for _op, _f in (("any", np.any), ("all", np.all)):
    case(_op, total(_f), np.array([[0, np.nan], [0, 0.0]]), axis=(1,), grad=False)
    case(_op, total(_f), np.array([[True, True], [False, True]]), axis=(0, 1), keepdims=True)
    case(_op, total(_f), np.zeros((2, 0)), axis=(1,), grad=False)
for _op, _f in (("argmax", np.argmax), ("argmin", np.argmin)):
    case(_op, total(_f), integers(0, 3, 4, 6), axis=1)
    case(_op, total(_f), normal(3, 5), axis=0, grad=False)
    case(_op, total(_f), normal(80, 90), axis=0, keepdims=True, grad=False)
    case(_op, lambda x, axis: np.array(8), SPECIAL, axis=0, grad=False)
for _op, _f in (("cumsum", np.cumsum), ("cumprod", np.cumprod)):
    for _axis in (0, 1):
        case(_op, lambda x, axis, f=_f: f(x, axis=axis), between(0.5, 2, 3, 4), axis=_axis)
    case(_op, lambda x, axis, f=_f: f(x, axis=axis), complexes(3), axis=0)
    case(_op, lambda x, axis, f=_f: f(x, axis=axis, dtype=np.int64), integers(0, 100, 9, dtype=np.uint8), axis=0)
    case(_op, lambda x, axis: np.zeros((0, 2)), np.zeros((0, 2)), axis=0, grad=False)
case("cumprod", lambda x, axis: np.cumprod(x, axis), np.array([[2.0, 0.0, 3.0, 4.0], [1.0, 2.0, 0.0, 0.0]]), axis=1)


def ordered(x, axis, descending=False):
    """Values and places by Python's stable sort of (is nan, value), one line at a time."""
    lines = np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    values, places = np.empty_like(lines), np.empty(lines.shape, np.int64)
    for row, line in enumerate(lines):

        def rank(j, line=line):
            v = float(line[j])
            return (1, 0.0) if math.isnan(v) else (0, v)

        order = sorted(range(len(line)), key=rank)
        if descending:
            order = sorted(range(len(line)), key=lambda j: tuple(-k for k in rank(j)))
        values[row], places[row] = line[order], order
    shape = [n for i, n in enumerate(x.shape) if i != axis] + [x.shape[axis]]
    return tuple(np.moveaxis(v.reshape(shape), -1, axis) for v in (values, places))


for _descending in (False, True):
    case("sort", ordered, distinct(3, 4), axis=0, descending=_descending)
    case("sort", ordered, integers(0, 3, 2, 9), axis=1, descending=_descending)
    case(
        "sort",
        ordered,
        np.array([[1, np.nan, -np.inf], [np.nan, np.inf, np.nan]]),
        axis=1,
        descending=_descending,
        grad=False,
    )
    case("sort", ordered, np.array([True, False, True, False]), axis=0, descending=_descending)
    case("sort", ordered, np.array([-128, 127, 0, -128], np.int8), axis=0, descending=_descending)
    case(
        "sort",
        lambda x, axis, descending: (x, np.array(0)),
        np.asarray(3.0),
        axis=0,
        descending=_descending,
        grad=False,
    )
    case(
        "topk",
        lambda x, count, axis, largest, d=_descending: tuple(v[:, :count] for v in ordered(x, axis, d)),
        distinct(2, 5),
        count=3,
        axis=1,
        largest=_descending,
    )
for _op, _f, _g in (("max_index", np.max, np.argmax), ("min_index", np.min, np.argmin)):
    for _keep in (False, True):
        case(
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


case("var_mean", var_mean, normal(3, 4), axis=(1,))
case("var_mean", var_mean, normal(3, 4), axis=(0, 1), correction=0, keepdims=True)
case("var_mean", var_mean, complexes(3, 4), axis=(0,))
case("var_mean", var_mean, normal(3, 4) + 1e6, axis=(1,), grad=False, half=False, tolerance=1e3)
for _p in (0, 0.5, 1, 1.5, 2, 3, math.inf, -math.inf):
    case("norm", lambda x, p, axis: np.linalg.norm(x, p, axis=1), distinct(2, 4) + 0.33, p=_p, axis=(1,))
    case("norm", lambda x, p, axis: np.linalg.norm(np.abs(x), p, axis=0), complexes(4), p=_p, axis=(0,))
case(
    "norm",
    lambda x, p, axis, keepdims: np.sqrt((x**2).sum(axis=axis, keepdims=True)),
    normal(2, 3, 2),
    p=2,
    axis=(0, 2),
    keepdims=True,
)
_lse = lambda x, axis, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))  # noqa: E731
case("logsumexp", _lse, normal(2, 3), axis=(1,))
case("logsumexp", _lse, normal(2, 3, 2), axis=(0, 2), keepdims=True)
case(
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
    case("softmax", soft, normal(3, 4), axis=_axis)
    case("log_softmax", lambda x, axis: np.log(soft(x, axis)), normal(3, 4), axis=_axis)
    case(
        "softmax_backward",
        lambda g, y, axis: y * (g - (g * y).sum(axis, keepdims=True)),
        normal(3, 4),
        between(0, 1, 3, 4),
        axis=_axis,
    )
    case(
        "log_softmax_backward",
        lambda g, y, axis: g - np.exp(y) * g.sum(axis, keepdims=True),
        normal(3, 4),
        normal(3, 4),
        axis=_axis,
    )
case("softmax", soft, np.array([[1000.0, 0, 999], [-1000, -1001, -999]]), axis=1, grad=False, half=False)
case(
    "log_softmax",
    lambda x, axis: np.array([[0.0, -1000], [-1e-9 * 0, -3000]]),
    np.array([[1000.0, 0], [-1000, -4000]]),
    axis=1,
    grad=False,
    half=False,
)
case(
    "softmax",
    lambda x, axis: np.array([[np.nan] * 2, [0, 1]]),
    np.array([[-np.inf, -np.inf], [-np.inf, 2]]),
    axis=1,
    grad=False,
)
case(
    "log_softmax",
    lambda x, axis: np.array([[np.nan] * 2, [-np.inf, 0]]),
    np.array([[-np.inf, -np.inf], [-np.inf, 2]]),
    axis=1,
    grad=False,
)
case("softmax", lambda x, axis: np.ones((3, 1)), normal(3, 1), axis=1, grad=False)

# Shape.
case("reshape", lambda x, shape: x.reshape(shape), normal(2, 6), shape=(3, 4))
case("reshape", lambda x, shape: x.reshape(shape), strided(normal(3, 4)), shape=(12,))
case("reshape", lambda x, shape: x.reshape(shape), normal(1), shape=())
case("permute", lambda x, axes: x.transpose(axes), normal(2, 3, 4), axes=(2, 0, 1))
case("permute", lambda x, axes: x, normal(), axes=())
case("broadcast_to", lambda x, shape: np.broadcast_to(x, shape), normal(3, 1), shape=(2, 3, 4))
case("broadcast_to", lambda x, shape: np.broadcast_to(x, shape), normal(), shape=(2,))
case("slice", lambda x, start, stop, step: x[1:4:2, 0:3:1], normal(5, 3), start=(1, 0), stop=(4, 3), step=(2, 1))
case("slice", lambda x, start, stop, step: x[2:2, 0:3], normal(5, 3), start=(2, 0), stop=(2, 3), step=(1, 1))
case(
    "slice_put",
    lambda x, v, start, stop, step: np.array([x[0], v[0], x[2], v[1], x[4]]),
    normal(5),
    normal(2),
    start=(1,),
    stop=(4,),
    step=(2,),
)
case(
    "slice_put",
    lambda x, v, start, stop, step: np.vstack([x[:1], v, x[3:]]),
    normal(4, 2),
    normal(2, 2),
    start=(1, 0),
    stop=(3, 2),
    step=(1, 1),
)
case(
    "slice_put", lambda x, v, start, stop, step: x, normal(3), np.zeros(0), start=(1,), stop=(1,), step=(1,), grad=False
)
case(
    "pad",
    lambda x, lo, hi, value: np.pad(x, ((1, 0), (2, 1)), constant_values=value),
    normal(2, 3),
    lo=(1, 2),
    hi=(0, 1),
    value=7,
)
case("pad", lambda x, lo, hi: np.pad(x[1:, :-1], ((0, 2), (1, 0))), normal(3, 3), lo=(-1, 1), hi=(2, -1))
case(
    "pad",
    lambda x, lo, hi, value: np.array([-np.inf, 1, 2]),
    np.array([1.0, 2.0]),
    lo=(1,),
    hi=(0,),
    value=-math.inf,
    grad=False,
)
case("flip", lambda x, axis: x[::-1, :, ::-1], normal(2, 3, 2), axis=(0, 2))
case("flip", lambda x, axis: x, normal(2), axis=())
case("concat", lambda *xs, axis: np.concatenate(xs, axis), normal(2, 1), normal(2, 3), normal(2, 0), axis=1)
case("concat", lambda *xs, axis: np.concatenate(xs, axis), integers(0, 9, 2), integers(0, 9, 3), axis=0)
for _op, _f in (("tril", np.tril), ("triu", np.triu)):
    for _k in (-1, 0, 2):
        case(_op, lambda x, diagonal, f=_f: f(x, diagonal), normal(2, 3, 4), diagonal=_k)
    case(_op, lambda x, f=_f: f(x), np.full((2, 2), np.nan), grad=False)
case(
    "diagonal",
    lambda x, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2),
    normal(3, 2, 4),
    offset=1,
    axis1=0,
    axis2=2,
)
case(
    "diagonal",
    lambda x, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2),
    normal(3, 4),
    offset=-2,
    axis1=1,
    axis2=0,
)
case(
    "unfold_dim",
    lambda x, axis, size, step: np.lib.stride_tricks.sliding_window_view(x, size, axis)[:, ::step],
    normal(2, 7, 2),
    axis=1,
    size=3,
    step=2,
)
case(
    "as_strided",
    lambda x, shape, strides, offset: np.array(
        [[x.reshape(-1)[offset + i * 2 + j] for j in range(2)] for i in range(3)]
    ),
    normal(2, 4),
    shape=(3, 2),
    strides=(2, 1),
    offset=1,
)
case(
    "as_strided",
    lambda x, shape, strides, offset: np.broadcast_to(x[0], shape),
    normal(3),
    shape=(4,),
    strides=(0,),
    offset=0,
)

# Index.
_i = np.array([2, 0, 2])
case("take", lambda x, i, axis: np.take(x, i, axis), normal(3, 4), _i, axis=0)
case("take", lambda x, i, axis: np.take(x, i, axis), normal(2, 3), np.array([[0, 1], [2, 2]]), axis=1)
case("take", lambda x, i, axis: np.take(x, i, axis), normal(2, 3), np.asarray(1), axis=1)
case("take", lambda x, i, axis: np.zeros((0, 3)), normal(2, 3), np.zeros(0, np.int64), axis=0, grad=False)


def gathered(x, i, axis):
    y = np.empty(i.shape, x.dtype)
    for at in np.ndindex(*i.shape):
        y[at] = x[(*at[:axis], i[at], *at[axis + 1 :])]
    return y


_g = np.array([[0, 2, 1], [1, 1, 0]])
case("gather", gathered, normal(3, 4), _g, axis=0)
case("gather", gathered, normal(3, 4), _g, axis=1)
case("gather", lambda x, i, axis: x, normal(), np.asarray(0), axis=0)
COMBINE = {"set": lambda a, b: b, "add": lambda a, b: a + b, "mul": lambda a, b: a * b, "max": max, "min": min}


def scattered(x, i, s, axis, mode="set"):
    y = x.copy()
    for at in np.ndindex(*i.shape):
        where = (*at[:axis], i[at], *at[axis + 1 :])
        y[where] = COMBINE[mode](y[where], s[at])
    return y


for _mode in COMBINE:
    _places = np.array([[0, 2, 1], [1, 0, 0]]) if _mode != "set" else np.array([[0, 2, 1], [1, 0, 0]])[:, :3]
    case(
        "scatter",
        scattered,
        distinct(3, 3) + 0.017,
        _places,
        distinct(2, 3) + 0.04 + (0.01 if _mode == "max" else 0),
        axis=0,
        mode=_mode,
    )
    case(
        "scatter",
        scattered,
        distinct(2, 4) + 0.017,
        np.array([[0, 3], [2, 1]]),
        distinct(2, 3) + 0.03,
        axis=1,
        mode=_mode,
    )
    case(
        "scatter",
        scattered,
        integers(0, 9, 4, dtype=np.int32),
        np.array([1, 1, 3]),
        integers(0, 9, 3, dtype=np.int32),
        axis=0,
        mode=_mode,
    )
case("scatter", scattered, complexes(3), np.array([1, 1, 2]), complexes(3), axis=0, mode="add")
case("scatter", scattered, normal(4), np.array([1] * 40), between(0, 1, 40), axis=0, mode="add", grad=False)
case("scatter", lambda x, i, s, axis: s, normal(), np.asarray(0), normal(), axis=0)
case(
    "index_add",
    lambda x, i, s, axis: scattered(x, np.broadcast_to(i[:, None], s.shape), s, axis, "add"),
    normal(3, 2),
    np.array([0, 2, 0, 0]),
    normal(4, 2),
    axis=0,
)
case(
    "index_add",
    lambda x, i, s, axis: scattered(x, np.broadcast_to(i, s.shape), s, axis, "add"),
    normal(2, 3),
    np.array([0, 2, 0]),
    normal(2, 3),
    axis=1,
)
case(
    "index_add",
    lambda x, i, s, axis: scattered(x, i, s, axis, "add"),
    integers(0, 9, 3),
    np.array([0, 2, 0]),
    integers(0, 9, 3),
    axis=0,
)


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
    case("index", indexed, _x, *_idx)
    _v = normal(*indexed(_x, *_idx).shape)
    case("index_put", put, _x, _v, *_idx, accumulate=True)
    case("index_put", put, _x, normal(), *_idx, accumulate=True)
case("index_put", put, normal(4, 3), normal(2, 3), np.array([3, 1]))
case("index_put", put, normal(4, 3), normal(2), np.array([3, 1]), np.array([0, 2]))
case("index_put", put, normal(4), normal(), np.array([3, 1]))
case("index_put", put, integers(0, 5, 4), integers(0, 5, 3), np.array([1, 1, 0]), accumulate=True)
case("index_put", put, complexes(4), complexes(3), np.array([1, 1, 0]), accumulate=True)
case("index_put", put, normal(4), normal(64), integers(0, 4, 64), accumulate=True, grad=False)
case("nonzero", lambda x: np.argwhere(x), np.array([[0, 2, 0], [1, 0, np.nan]]), grad=False, half=False)
case("nonzero", lambda x: np.argwhere(x), np.array([False, True]))
case("nonzero", lambda x: np.zeros((1, 0), np.int64), np.asarray(True))
case("nonzero", lambda x, size: np.array([[1], [3], [0]]), np.array([0, 5, 0, 2]), size=3)

# Making, converting.
case(
    "full",
    lambda shape, value, dtype, device: np.full(shape, value),
    shape=(2, 3),
    value=2.5,
    dtype=dtypes.float64,
    device=None,
)
case(
    "full",
    lambda shape, value, dtype, device: np.array(44, np.uint8),
    shape=(),
    value=300,
    dtype=dtypes.uint8,
    device=None,
)
case(
    "full",
    lambda shape, value, dtype, device: np.array([True]),
    shape=(1,),
    value=True,
    dtype=dtypes.bool_,
    device=None,
)
case(
    "full",
    lambda shape, value, dtype, device: np.array([2**63 + 5], np.uint64),
    shape=(1,),
    value=2**63 + 5,
    dtype=dtypes.uint64,
    device=None,
)
case(
    "full",
    lambda shape, value, dtype, device: np.array([1j]),
    shape=(1,),
    value=1j,
    dtype=dtypes.complex128,
    device=None,
)
case(
    "full",
    lambda shape, value, dtype, device: np.array([-np.inf], np.float32),
    shape=(1,),
    value=-math.inf,
    dtype=dtypes.float32,
    device=None,
)
case(
    "arange",
    lambda start, stop, step, dtype, device: np.arange(7) * 0.1,
    start=0,
    stop=0.7,
    step=0.1,
    dtype=dtypes.float64,
    device=None,
)
case(
    "arange",
    lambda start, stop, step, dtype, device: np.array([5, 3, 1]),
    start=5,
    stop=0,
    step=-2,
    dtype=dtypes.int64,
    device=None,
)
case(
    "arange",
    lambda start, stop, step, dtype, device: np.zeros(0, np.int32),
    start=5,
    stop=5,
    step=1,
    dtype=dtypes.int32,
    device=None,
)
case("cast", lambda x, dtype: x.astype(np.float32), normal(3), dtype=dtypes.float32, half=False, grad=False)
case("cast", lambda x, dtype: x, normal(3), dtype=dtypes.float64, half=False)
case("cast", lambda x, dtype: x.astype(np.complex128), normal(3), dtype=dtypes.complex128, half=False)
case("cast", lambda x, dtype: x.real, complexes(3), dtype=dtypes.float64)
case(
    "cast",
    lambda x, dtype: np.array([44, 255, 1, 0], np.uint8),
    np.array([300.7, -1.5, 1.9, -0.5]),
    dtype=dtypes.uint8,
    grad=False,
    half=False,
)
case(
    "cast",
    lambda x, dtype: np.array([44, -1, 127, -128], np.int8),
    np.array([300.7, -1.5, 127, 128]),
    dtype=dtypes.int8,
    grad=False,
    half=False,
)
case("cast", lambda x, dtype: np.array([44, 255], np.uint8), np.array([300, -1]), dtype=dtypes.uint8)
case(
    "cast",
    lambda x, dtype: np.array([False, False, True, True, True, True, True, True, True]),
    SPECIAL,
    dtype=dtypes.bool_,
    grad=False,
)
case("cast", lambda x, dtype: np.array([True, False, True]), np.array([1j, 0, 1]), dtype=dtypes.bool_, grad=False)
case("cast", lambda x, dtype: np.array([1.0, 0]), np.array([True, False]), dtype=dtypes.float64)
case(
    "cast",
    lambda x, dtype: np.array([1.0, 2.5]).astype(BF16),
    np.array([1.0, 2.5]),
    dtype=dtypes.bfloat16,
    half=False,
    grad=False,
)
case("cast", lambda x, dtype: np.array([3, -2]), np.array([3.7, -2.2]).astype(BF16), dtype=dtypes.int64)
for _x, _dtype in (
    (normal(2, 3), dtypes.int64),
    (normal(2, 3), dtypes.float32),
    (integers(0, 9, 4, dtype=np.int32), dtypes.float64),
    (complexes(2), dtypes.float64),
    (normal(4), dtypes.complex128),
    (integers(0, 9, 3, dtype=np.uint8), dtypes.int8),
    (normal(2), dtypes.uint8),
    (np.array([1, 0], np.uint8), dtypes.bool_),
):
    case("bitcast", lambda x, dtype: x.view(dtype.numpy), _x, dtype=_dtype, grad=False, half=False)
case("copy", lambda x: x, strided(normal(3, 4)))
case("copy", lambda x: x, np.asarray(3))
for _x in (
    normal(2, 3),
    integers(0, 9, 2),
    complexes(2),
    np.array([True, False]),
    np.array([1.5, 2], BF16),
    np.asarray(2.0),
    np.array([1, 2**40]),
    np.array([2**63], np.uint64),
    strided(normal(3, 4)),
):
    case("to_host", lambda x: x, _x, grad=False, half=False)
    case("from_host", lambda array, device: array, _x, device=None, grad=False, half=False)
