"""Samples of products, convolution, pooling and embedding."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .sample import complexes, declare, distinct, integers, normal, sample

declare(__name__)

sample("adjoint", lambda x: np.conj(np.swapaxes(x, -1, -2)), complexes(2, 3, 2))
sample("adjoint", lambda x: x.T, normal(2, 3))
sample("linear", lambda x, w, b: x @ w.T + b, normal(4, 3), normal(2, 3), normal(2))
sample("linear", lambda x, w, b: x @ w.T, normal(2, 2, 3), normal(4, 3), None)
sample("linear", lambda x, w, b: x @ w.T + b, normal(3), normal(4, 3), normal(4))
sample("linear", lambda x, w, b: x @ w.T + b, complexes(2, 3), complexes(4, 3), complexes(4))
sample("linear", lambda x, w, b: x @ w.T + b, normal(12, 256), normal(330, 256), normal(330), grad=False, half=False)
sample("linear", lambda x, w, b: np.zeros((0, 2)), np.zeros((0, 3)), normal(2, 3), normal(2), grad=False)
sample("linear_weight", lambda g, x: np.einsum("bto,bti->oi", g, x), normal(2, 3, 4), normal(2, 3, 5))
sample("linear_weight", lambda g, x: g.T @ np.conj(x), complexes(3, 2), complexes(3, 4))
# Convolution, by its definition.
GEOMETRY = [
    {"stride": (1,), "padding": (0,), "dilation": (1,), "groups": 1},
    {"stride": (2,), "padding": (1,), "dilation": (2,), "groups": 2},
    {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1},
    {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2), "groups": 2},
    {"stride": (1, 2, 1), "padding": (1, 0, 1), "dilation": (1, 1, 1), "groups": 1},
]


def each_product(x_shape, w_shape, stride, padding, dilation, groups):
    """Yields the indices (of x, w and y) of every product that a convolution adds up."""
    size = [
        (s + 2 * p - d * (k - 1) - 1) // t + 1
        for s, p, d, k, t in zip(x_shape[2:], padding, dilation, w_shape[2:], stride, strict=True)
    ]
    share = w_shape[0] // groups
    for n, o, c in itertools.product(range(x_shape[0]), range(w_shape[0]), range(w_shape[1])):
        for q in np.ndindex(*size):
            for k in np.ndindex(*w_shape[2:]):
                at = tuple(i * s + j * d - p for i, s, j, d, p in zip(q, stride, k, dilation, padding, strict=True))
                if all(0 <= a < m for a, m in zip(at, x_shape[2:], strict=True)):
                    yield (n, o // share * w_shape[1] + c, *at), (o, c, *k), (n, o, *q)


def conv_size(x, w, how):
    return [
        (s + 2 * p - d * (k - 1) - 1) // t + 1
        for s, p, d, k, t in zip(x[2:], how["padding"], how["dilation"], w[2:], how["stride"], strict=True)
    ]


def conv(x, w, **how):
    y = np.zeros((x.shape[0], w.shape[0], *conv_size(x.shape, w.shape, how)), x.dtype)
    for a, b, c in each_product(x.shape, w.shape, **how):
        y[c] += x[a] * w[b]
    return y


def conv_input(g, w, input_size, **how):
    x = np.zeros((g.shape[0], w.shape[1] * how["groups"], *input_size), g.dtype)
    for a, b, c in each_product(x.shape, w.shape, **how):
        x[a] += g[c] * w[b]
    return x


def conv_weight(x, g, kernel_size, **how):
    w = np.zeros((g.shape[1], x.shape[1] // how["groups"], *kernel_size), x.dtype)
    for a, b, c in each_product(x.shape, w.shape, **how):
        w[b] += x[a] * g[c]
    return w


for _how in GEOMETRY:
    _dims = len(_how["stride"])
    _size, _kernel = ((7,), (6, 7), (4, 5, 4))[_dims - 1], ((3,), (3, 2), (2, 3, 2))[_dims - 1]
    _x, _w = (2, 4, *_size), (4, 4 // _how["groups"], *_kernel)
    _y = (2, 4, *conv_size(_x, _w, _how))
    for _draw in (normal, complexes) if _dims < 3 else (normal,):
        sample("conv", conv, _draw(*_x), _draw(*_w), **_how)
        sample("conv_input", conv_input, _draw(*_y), _draw(*_w), input_size=_size, **_how)
        sample("conv_weight", conv_weight, _draw(*_x), _draw(*_y), kernel_size=_kernel, **_how)
sample("conv", conv, np.moveaxis(normal(2, 5, 5, 3), -1, 1), normal(4, 3, 3, 3), grad=False, **GEOMETRY[2])


# Channels enough for arrangements that small images do not meet: stride 1, three by three, padding 1.
SAME = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}


def shifted(x):
    """Yields each element of a 3 x 3 kernel and the padded images as it sees them."""
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    for i, j in np.ndindex(3, 3):
        yield i, j, x[:, :, i:x.shape[2] - 2 + i, j:x.shape[3] - 2 + j]


def same_conv(x, w, **how):
    return sum(np.tensordot(w[:, :, i, j], part, (1, 1)) for i, j, part in shifted(x)).swapaxes(0, 1)


def same_conv_weight(x, g, kernel_size, **how):
    w = np.empty((g.shape[1], x.shape[1], 3, 3))
    for i, j, part in shifted(x):
        w[:, :, i, j] = np.tensordot(g, part, ((0, 2, 3), (0, 2, 3)))
    return w


for _rows in (8, 9):
    _x, _w, _y = normal(2, 32, _rows, 9), normal(64, 32, 3, 3), normal(2, 64, _rows, 9)
    sample("conv", same_conv, _x, _w, grad=False, **SAME)
    sample("conv_input", lambda g, w, input_size, **how: same_conv(g, w.swapaxes(0, 1)[:, :, ::-1, ::-1]), _y, _w,
           input_size=(_rows, 9), grad=False, **SAME)
    sample("conv_weight", same_conv_weight, _x, _y, kernel_size=(3, 3), grad=False, **SAME)
_far = normal(1, 32, 8, 9)
_far[0, 0, 3, 4] = np.inf
sample("conv", same_conv, _far, np.abs(normal(64, 32, 3, 3)), grad=False, **SAME)
sample("conv", lambda x, w, **how: np.zeros((0, 4, 3)), np.zeros((0, 2, 5)), normal(4, 2, 3), grad=False, **GEOMETRY[0])
sample("channel_sum", lambda g: g.sum((0, 2, 3)), normal(2, 3, 4, 2))
sample("channel_sum", lambda g: g.sum(0), normal(4, 3))
sample("channel_sum", lambda g: g.sum((0, 2)), np.moveaxis(normal(300, 4, 3), -1, 1), grad=False)
sample("bias_add", lambda y, b: y + b[:, None, None], normal(2, 3, 4, 2), normal(3))
sample("bias_add", lambda y, b: y + b[:, None], np.moveaxis(normal(2, 4, 3), -1, 1), normal(3))
sample("bias_add", lambda y, b: y + b, normal(2, 3), normal(3))
sample("bias_add", lambda y, b: y + b[:, None], normal(2, 3, 3), normal(3))
# Pooling, one window at a time.
POOLS = [
    {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "ceil_mode": False},
    {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 1), "dilation": (1, 2), "ceil_mode": True},
    {"kernel_size": (3,), "stride": (2,), "padding": (1,), "dilation": (1,), "ceil_mode": True},
    {"kernel_size": (2, 2, 2), "stride": (2, 1, 2), "padding": (0, 1, 0), "dilation": (1, 1, 1), "ceil_mode": False},
    {"kernel_size": (7, 7), "stride": (3, 3), "padding": (3, 3), "dilation": (1, 1), "ceil_mode": False},
]
POOL_SIZES = {1: (8,), 2: (7, 6), 3: (4, 4, 5)}


def pool_size(size, kernel_size, stride, padding, dilation, ceil_mode):
    out = []
    for n, k, s, p, d in zip(size, kernel_size, stride, padding, dilation, strict=True):
        span = n + 2 * p - d * (k - 1) - 1
        m = (math.ceil(span / s) if ceil_mode else span // s) + 1
        out.append(m - 1 if ceil_mode and (m - 1) * s >= n + p else m)
    return out


def windows(size, kernel_size, stride, padding, dilation, ceil_mode):
    """Yields each output position and its (number in the window, input position) pairs."""
    for q in np.ndindex(*pool_size(size, kernel_size, stride, padding, dilation, ceil_mode)):
        inside = []
        for number, k in enumerate(np.ndindex(*kernel_size)):
            at = tuple(i * s + j * d - p for i, s, j, d, p in zip(q, stride, k, dilation, padding, strict=True))
            if all(0 <= a < m for a, m in zip(at, size, strict=True)):
                inside.append((number, at))
        yield q, inside


def best_of(x, **how):
    out = (*x.shape[:2], *pool_size(x.shape[2:], **how))
    y, number, index = np.empty(out), np.empty(out, np.uint8), np.empty(out, np.int64)
    for n in np.ndindex(*x.shape[:2]):
        for q, inside in windows(x.shape[2:], **how):
            best = max(inside, key=lambda v: x[(*n, *v[1])])
            y[(*n, *q)], number[(*n, *q)] = x[(*n, *best[1])], best[0]
            index[(*n, *q)] = np.ravel_multi_index(best[1], x.shape[2:])
    return y, number, index


for _how in POOLS:
    _size = POOL_SIZES[len(_how["stride"])]
    _x = distinct(2, 2, *_size)
    sample("max_pool", lambda x, **how: best_of(x, **how)[::2], _x, **_how)
    sample("max_pool_window", lambda x, **how: best_of(x, **how)[:2], _x, **_how)
    sample(
        "max_pool_window",
        lambda x, **how: best_of(x, **how)[:2],
        integers(0, 3, *_x.shape).astype(np.float32),
        grad=False,
        **_how,
    )
    sample(
        "max_pool_window",
        lambda x, **how: best_of(x, **how)[:2],
        np.moveaxis(distinct(2, *_size, 2), -1, 1),
        grad=False,
        half=False,
        **_how,
    )
    sample(
        "max_pool_window",
        lambda x, **how: best_of(x, **how)[:2],
        np.full(_x.shape, -np.inf),
        grad=False,
        half=False,
        **_how,
    )
    _y, _number, _index = best_of(_x, **_how)
    _window = {"input_size": _size, **{k: v for k, v in _how.items() if k != "ceil_mode"}}

    def spread(g, index, input_size, **how):
        x = np.zeros((*g.shape[:2], math.prod(input_size)))
        for at in np.ndindex(*g.shape):
            x[(*at[:2], index[at])] += g[at]
        return x.reshape(*g.shape[:2], *input_size)

    sample("max_pool_indices", lambda choice, index=_index, **how: index, _number, **_window)
    sample(
        "max_pool_window_backward",
        lambda g, choice, index=_index, f=spread, **how: f(g, index, how["input_size"]),
        normal(*_y.shape),
        _number,
        **_window,
    )
    sample("max_pool_backward", spread, normal(*_y.shape), _index, input_size=_size)
    sample(
        "max_pool_gather",
        lambda x, i: np.take_along_axis(x.reshape(2, 2, -1), i.reshape(2, 2, -1), 2).reshape(i.shape),
        _x,
        _index,
    )
sample(
    "max_pool",
    lambda x, **how: (np.array([[[np.nan, 4.0]]]), np.array([[[1, 3]]])),
    np.array([[[1, np.nan, 3, 4.0]]]),
    kernel_size=(2,),
    stride=(2,),
    padding=(0,),
    dilation=(1,),
    grad=False,
)


def averages(x, kernel_size, stride, padding, ceil_mode=False, count_include_pad=True, divisor_override=None):
    how = {
        "kernel_size": kernel_size,
        "stride": stride,
        "padding": padding,
        "dilation": (1,) * len(stride),
        "ceil_mode": ceil_mode,
    }
    size = x.shape[2:]
    y = np.empty((*x.shape[:2], *pool_size(size, **how)))
    for q, inside in windows(size, **how):
        divisor = divisor_override or len(inside)
        if count_include_pad and not divisor_override:
            divisor = math.prod(
                min(i * s - p + k, n + p) - (i * s - p)
                for i, s, p, k, n in zip(q, stride, padding, kernel_size, size, strict=True)
            )
        for n in np.ndindex(*x.shape[:2]):
            y[(*n, *q)] = sum(x[(*n, *at)] for _, at in inside) / divisor
    return y


def averages_back(g, input_size, **how):
    """The transpose of the matrix of averages."""
    n, c = g.shape[:2]
    count = math.prod(input_size)
    units = np.eye(count).reshape(count, 1, *input_size)
    matrix = averages(units, **how).reshape(count, -1)
    return (g.reshape(n * c, -1) @ matrix.T).reshape(n, c, *input_size)


for _how in POOLS:
    _plain = {k: v for k, v in _how.items() if k != "dilation"}
    _size = POOL_SIZES[len(_how["stride"])]
    for _more in ({}, {"count_include_pad": False}, {"divisor_override": 3}):
        _y = averages(np.zeros((2, 2, *_size)), **_plain, **_more).shape
        sample("avg_pool", averages, normal(2, 2, *_size), **_plain, **_more)
        sample("avg_pool_backward", averages_back, normal(*_y), input_size=_size, **_plain, **_more)
# Embedding.
_i = np.array([[0, 2], [2, 3]])
sample("embedding", lambda w, i, padding_idx=-1: w[i], normal(5, 3), _i)
sample("embedding", lambda w, i, padding_idx=-1: w[i], normal(5, 3), _i, padding_idx=2, grad=False)


def embedding_back(g, i, rows, padding_idx=-1):
    w = np.zeros((rows, g.shape[-1]))
    for at in np.ndindex(*i.shape):
        if i[at] != padding_idx:
            w[i[at]] += g[at]
    return w


sample("embedding_backward", embedding_back, normal(2, 2, 3), _i, rows=5)
sample("embedding_backward", embedding_back, normal(2, 2, 3), _i, rows=5, padding_idx=2)
sample("embedding_backward", embedding_back, normal(60, 3), integers(0, 5, 60), rows=6, grad=False)
sample("embedding_backward", embedding_back, normal(60, 3), integers(0, 5, 60), rows=200, grad=False)
sample("embedding_backward", embedding_back, np.array([[np.inf, 1], [np.nan, 2], [3, -np.inf]]), np.array([2, 0, 2]), rows=4,
       grad=False)
sample("embedding_backward", embedding_back, np.zeros((0, 3)), np.zeros(0, np.int64), rows=2, grad=False)

# Nothing in the batch; values that are not finite.
_none = {"kernel_size": (2,), "stride": (2,), "padding": (0,)}
sample(
    "max_pool",
    lambda x, **how: (np.zeros((0, 2, 2)), np.zeros((0, 2, 2), np.int64)),
    np.zeros((0, 2, 4)),
    dilation=(1,),
    grad=False,
    **_none,
)
sample("avg_pool", lambda x, **how: np.zeros((0, 2, 2)), np.zeros((0, 2, 4)), grad=False, **_none)
sample(
    "avg_pool",
    lambda x, **how: np.array([[[np.nan, np.inf]]]),
    np.array([[[np.nan, 1.0, np.inf, 1.0]]]),
    grad=False,
    **_none,
)
sample(
    "max_pool",
    lambda x, **how: (np.array([[[3.0, np.inf]]]), np.array([[[0, 2]]])),
    np.array([[[3.0, 3.0, np.inf, -np.inf]]]),
    dilation=(1,),
    grad=False,
    **_none,
)
sample("embedding", lambda w, i, padding_idx=-1: np.zeros((0, 3)), normal(5, 3), np.zeros(0, np.int64), grad=False)
sample("embedding", lambda w, i, padding_idx=-1: w[2], normal(5, 3), np.asarray(2), grad=False)
sample(
    "linear",
    lambda x, w, b: np.array([[np.nan, np.nan], [np.inf, -np.inf]]),
    np.array([[np.nan], [np.inf]]),
    np.array([[1.0], [-2.0]]),
    np.array([0.0, 1.0]),
    grad=False,
)
sample(
    "conv",
    lambda x, w, **how: np.array([[[np.nan, np.nan, 2.0]]]),
    np.array([[[np.nan, 1.0, 1.0, 1.0]]])[..., [1, 0, 2, 3]],
    np.array([[[1.0, 1.0]]]),
    grad=False,
    **GEOMETRY[0],
)
sample("channel_sum", lambda g: np.zeros(3), np.zeros((0, 3, 2)), grad=False)
sample("bias_add", lambda y, b: np.zeros((0, 3, 2)), np.zeros((0, 3, 2)), normal(3), grad=False)
