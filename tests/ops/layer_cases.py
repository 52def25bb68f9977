"""Cases of linear algebra and of layers: products, convolution, pooling, normalisation, recurrence."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .cases import between, case, complexes, distinct, integers, normal, strided

# Products.
case("matmul", np.matmul, normal(2, 3), normal(3, 4))
case("matmul", np.matmul, normal(2, 1, 2, 3), normal(3, 3, 4))
case("matmul", np.matmul, complexes(2, 3), complexes(3, 2))
case("matmul", np.matmul, integers(-9, 9, 2, 3), integers(-9, 9, 3, 2))
case("matmul", np.matmul, np.zeros((2, 0)), np.zeros((0, 3)), grad=False)
case("matmul", np.matmul, strided(normal(2, 4)), strided(normal(4, 3)))
case(
    "matmul",
    lambda a, b: np.array([[44]], np.uint8),
    np.array([[100, 100, 100]], np.uint8),
    np.array([[1], [1], [1]], np.uint8),
)
for _type in (np.float16,):
    case(
        "matmul",
        None,
        np.ones((1, 5000), _type),
        np.ones((5000, 1), _type),
        grad=False,
        check=lambda r, o, p: np.testing.assert_allclose(r[0].astype(float), 5000, rtol=1e-3),
    )
case("adjoint", lambda x: np.conj(np.swapaxes(x, -1, -2)), complexes(2, 3, 2))
case("adjoint", lambda x: x.T, normal(2, 3))
case("linear", lambda x, w, b: x @ w.T + b, normal(4, 3), normal(2, 3), normal(2))
case("linear", lambda x, w, b: x @ w.T, normal(2, 2, 3), normal(4, 3), None)
case("linear", lambda x, w, b: x @ w.T + b, normal(3), normal(4, 3), normal(4))
case("linear", lambda x, w, b: x @ w.T + b, complexes(2, 3), complexes(4, 3), complexes(4))
case("linear", lambda x, w, b: np.zeros((0, 2)), np.zeros((0, 3)), normal(2, 3), normal(2), grad=False)
case("linear_weight", lambda g, x: np.einsum("bto,bti->oi", g, x), normal(2, 3, 4), normal(2, 3, 5))
case("linear_weight", lambda g, x: g.T @ np.conj(x), complexes(3, 2), complexes(3, 4))


def definite(x):
    return x @ np.conj(np.swapaxes(x, -1, -2)) + 3 * np.eye(x.shape[-1])


def same(rtol=1e-9):
    return lambda got, want: np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)


# The gradients of a factorisation are defined for the structure that it reads; see STRUCTURE in the gradient tests.
for _draw in (normal, complexes):
    for _upper in (False, True):
        case(
            "cholesky",
            lambda a, upper: (
                np.linalg.cholesky(a) if not upper else np.conj(np.swapaxes(np.linalg.cholesky(a), -1, -2))
            ),
            definite(_draw(2, 3, 3)),
            upper=_upper,
            half=False,
        )


def _lu(results, operands, params):
    a, (packed, pivots) = operands[0], results
    m, n = a.shape[-2:]
    for index in np.ndindex(*a.shape[:-2]):
        order = np.arange(m)
        for i, p in enumerate(pivots[index]):
            assert p >= i
            order[[i, p]] = order[[p, i]]
        low = np.tril(packed[index], -1)[:, : min(m, n)] + np.eye(m, min(m, n))
        assert np.abs(low).max() <= 1 + 1e-12 or np.iscomplexobj(a)
        same()(low @ np.triu(packed[index])[: min(m, n)], a[index][order])


for _shape in ((3, 3), (2, 4, 4), (4, 2), (2, 4)):
    for _draw in (normal, complexes):
        case("lu", None, _draw(*_shape), half=False, check=_lu, grad=_shape[-1] == _shape[-2])


def _qr(results, operands, params):
    (a,), (q, r) = operands, results
    same()(q @ r, a)
    same()(
        np.conj(np.swapaxes(q, -1, -2)) @ q, np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], *[q.shape[-1]] * 2))
    )
    same()(np.tril(r, -1), 0 * r)


def _svd(results, operands, params):
    (a,), (u, s, vh) = operands, results
    n = s.shape[-1]
    same()((u[..., :n] * s[..., None, :]) @ vh[..., :n, :], a)
    same()(s, np.linalg.svd(a, compute_uv=False))
    for q in (u, np.conj(np.swapaxes(vh, -1, -2))):
        same()(
            np.conj(np.swapaxes(q, -1, -2)) @ q,
            np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], *[q.shape[-1]] * 2)),
        )


def _eigen(results, operands, params):
    (a,), (w, v) = operands, results
    same(1e-8)(a @ v, v * w[..., None, :])
    same(1e-8)(np.linalg.norm(v, axis=-2), np.ones(w.shape))


def _eigh(results, operands, params):
    (a,), (w, v) = operands, results
    low = np.tril(a) + np.conj(np.swapaxes(np.tril(a, -1), -1, -2))
    _eigen((w.astype(v.dtype), v), (low,), params)
    assert (np.diff(w) >= 0).all()


for _draw in (normal, complexes):
    case("qr", None, _draw(2, 4, 3), check=_qr, half=False)
    case("qr", None, _draw(3, 3), mode="complete", check=_qr, half=False)
    case("qr", None, _draw(4, 2), mode="complete", check=_qr, half=False, grad=False)
    case("svd", None, _draw(2, 4, 3), check=_svd, half=False)
    case("svd", None, _draw(2, 4), check=_svd, half=False)
    case("svd", None, _draw(4, 2), full=True, check=_svd, half=False, grad=False)
    case("eigh", None, definite(_draw(3, 3)), check=_eigh, half=False)
    case("eig", None, _draw(2, 3, 3), check=_eigen, half=False)
    case("solve", lambda a, b: np.linalg.inv(a) @ b, _draw(2, 3, 3) + 2 * np.eye(3), _draw(2, 3, 2), half=False)
    case("solve", lambda a, b: np.linalg.inv(a) @ b, _draw(3, 3) + 2 * np.eye(3), _draw(2, 3, 1), half=False)
    for _upper, _unit in itertools.product((False, True), (False, True)):

        def _triangular(a, b, upper, unit):
            t = np.triu(a) if upper else np.tril(a)
            t = t - np.eye(3) * np.diagonal(t) + np.eye(3) if unit else t
            return np.linalg.inv(t) @ b

        case(
            "solve_triangular",
            _triangular,
            _draw(3, 3) + 2 * np.eye(3),
            _draw(3, 2),
            upper=_upper,
            unit=_unit,
            half=False,
        )


def dft(x, axis, inverse=False):
    n = x.shape[axis]
    w = np.exp((2j if inverse else -2j) * math.pi * np.outer(range(n), range(n)) / n) / (n if inverse else 1)
    return np.moveaxis(np.tensordot(w, x, (1, axis)), 0, axis)


for _inverse in (False, True):
    case("fft", dft, complexes(2, 5), axis=1, inverse=_inverse)
    case("fft", dft, complexes(4, 2), axis=0, inverse=_inverse)

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
        case("conv", conv, _draw(*_x), _draw(*_w), **_how)
        case("conv_input", conv_input, _draw(*_y), _draw(*_w), input_size=_size, **_how)
        case("conv_weight", conv_weight, _draw(*_x), _draw(*_y), kernel_size=_kernel, **_how)
case("conv", conv, np.moveaxis(normal(2, 5, 5, 3), -1, 1), normal(4, 3, 3, 3), grad=False, **GEOMETRY[2])
case("conv", lambda x, w, **how: np.zeros((0, 4, 3)), np.zeros((0, 2, 5)), normal(4, 2, 3), grad=False, **GEOMETRY[0])
case("channel_sum", lambda g: g.sum((0, 2, 3)), normal(2, 3, 4, 2))
case("channel_sum", lambda g: g.sum(0), normal(4, 3))
case("channel_sum", lambda g: g.sum((0, 2)), np.moveaxis(normal(300, 4, 3), -1, 1), grad=False)
case("bias_add", lambda y, b: y + b[:, None, None], normal(2, 3, 4, 2), normal(3))
case("bias_add", lambda y, b: y + b[:, None], np.moveaxis(normal(2, 4, 3), -1, 1), normal(3))
case("bias_add", lambda y, b: y + b, normal(2, 3), normal(3))

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
    case("max_pool", lambda x, **how: best_of(x, **how)[::2], _x, **_how)
    case("max_pool_window", lambda x, **how: best_of(x, **how)[:2], _x, **_how)
    case(
        "max_pool_window",
        lambda x, **how: best_of(x, **how)[:2],
        integers(0, 3, *_x.shape).astype(np.float32),
        grad=False,
        **_how,
    )
    case(
        "max_pool_window",
        lambda x, **how: best_of(x, **how)[:2],
        np.moveaxis(distinct(2, *_size, 2), -1, 1),
        grad=False,
        half=False,
        **_how,
    )
    case(
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

    case("max_pool_indices", lambda choice, index=_index, **how: index, _number, **_window)
    case(
        "max_pool_window_backward",
        lambda g, choice, index=_index, f=spread, **how: f(g, index, how["input_size"]),
        normal(*_y.shape),
        _number,
        **_window,
    )
    case("max_pool_backward", spread, normal(*_y.shape), _index, input_size=_size)
    case(
        "max_pool_gather",
        lambda x, i: np.take_along_axis(x.reshape(2, 2, -1), i.reshape(2, 2, -1), 2).reshape(i.shape),
        _x,
        _index,
    )
case(
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
        case("avg_pool", averages, normal(2, 2, *_size), **_plain, **_more)
        case("avg_pool_backward", averages_back, normal(*_y), input_size=_size, **_plain, **_more)

# Embedding.
_i = np.array([[0, 2], [2, 3]])
case("embedding", lambda w, i, padding_idx=-1: w[i], normal(5, 3), _i)
case("embedding", lambda w, i, padding_idx=-1: w[i], normal(5, 3), _i, padding_idx=2, grad=False)


def embedding_back(g, i, rows, padding_idx=-1):
    w = np.zeros((rows, g.shape[-1]))
    for at in np.ndindex(*i.shape):
        if i[at] != padding_idx:
            w[i[at]] += g[at]
    return w


case("embedding_backward", embedding_back, normal(2, 2, 3), _i, rows=5)
case("embedding_backward", embedding_back, normal(2, 2, 3), _i, rows=5, padding_idx=2)
case("embedding_backward", embedding_back, normal(60, 3), integers(0, 5, 60), rows=6, grad=False)
case("embedding_backward", embedding_back, np.zeros((0, 3)), np.zeros(0, np.int64), rows=2, grad=False)

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
    operands = [x, weight, np.zeros(weight.shape)]
    grads = []
    for i, v in enumerate(operands):
        grad = np.empty(v.shape)
        for at in np.ndindex(*v.shape):
            values = []
            for h in (1e-5, -1e-5):
                moved = v.copy()
                moved[at] += h
                values.append((g * f(*(moved if j == i else o for j, o in enumerate(operands)))).sum())
            grad[at] = (values[0] - values[1]) / 2e-5
        grads.append(grad)
    return tuple(grads)


for _x, _weight in (((3, 2, 2), True), ((4, 3), False), ((2, 2, 3, 2), True)):
    _c = _x[1]
    _args = (normal(_c), normal(_c)) if _weight else (None, None)
    _case = normal(*_x)
    case("batch_norm_train", batch_norm, _case, *_args, eps=EPS)
    case("batch_norm_eval", batch_norm_eval, _case, *_args, normal(_c), between(0.5, 2, _c), eps=EPS)
    _, _mean, _, _rstd = batch_norm(_case, None, None, EPS)
    case(
        "batch_norm_train_backward",
        lambda g, x, weight, mean, rstd: differences(
            lambda x, w, b: batch_norm(x, w, b, EPS)[0], g, x, np.ones(x.shape[1]) if weight is None else weight
        ),
        normal(*_x),
        _case,
        _args[0],
        _mean,
        _rstd,
        tolerance=100,
        half=False,
    )
    _groups = 2 if _c == 2 else 3
    case("group_norm", group_norm, _case, *_args, groups=_groups, eps=EPS)
    _, _mean, _rstd = group_norm(_case, None, None, _groups, EPS)
    case(
        "group_norm_backward",
        lambda g, x, weight, mean, rstd, groups: differences(
            lambda x, w, b: group_norm(x, w, b, groups, EPS)[0], g, x, np.ones(x.shape[1]) if weight is None else weight
        ),
        normal(*_x),
        _case,
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
    _case = normal(2, 3, 4)
    case("layer_norm", layer_norm, _case, *_args, ndim=_ndim, eps=EPS)
    _, _mean, _rstd = layer_norm(_case, None, None, _ndim, EPS)
    case(
        "layer_norm_backward",
        lambda g, x, weight, mean, rstd, ndim: differences(
            lambda x, w, b: layer_norm(x, w, b, ndim, EPS)[0],
            g,
            x,
            np.ones(x.shape[3 - ndim :]) if weight is None else weight,
        ),
        normal(2, 3, 4),
        _case,
        _args[0],
        _mean,
        _rstd,
        ndim=_ndim,
        tolerance=100,
        half=False,
    )
case("layer_norm", layer_norm, normal(2, 4), None, normal(4), ndim=1, eps=EPS)
case("batch_norm_train", batch_norm, np.moveaxis(normal(2, 5, 3), -1, 1), normal(3), normal(3), eps=EPS, grad=False)
case(
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


# Recurrent layers, one time step, image and unit at a time.
def sigma(v):
    return 1 / (1 + np.exp(-v))


def walk(x, reverse):
    return range(len(x) - 1, -1, -1) if reverse else range(len(x))


def plus(b):
    return 0 if b is None else b


def rnn(x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity, reverse=False):
    out = np.empty((*x.shape[:2], h.shape[1]))
    for t in walk(x, reverse):
        a = x[t] @ w_ih.T + plus(b_ih) + h @ w_hh.T + plus(b_hh)
        out[t] = h = np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)
    return out, h


def lstm(x, h, c, w_ih, w_hh, b_ih, b_hh, reverse=False):
    out, gates, cells = (np.empty((*x.shape[:2], n * h.shape[1])) for n in (1, 4, 1))
    for t in walk(x, reverse):
        i, f, g, o = np.split(x[t] @ w_ih.T + plus(b_ih) + h @ w_hh.T + plus(b_hh), 4, 1)
        cells[t] = c = sigma(f) * c + sigma(i) * np.tanh(g)
        gates[t] = np.hstack([sigma(i), sigma(f), sigma(o), np.tanh(g)])
        out[t] = h = sigma(o) * np.tanh(c)
    return out, h, c, gates, cells


def gru(x, h, w_ih, w_hh, b_ih, b_hh, reverse=False):
    out, gates, candidate = (np.empty((*x.shape[:2], n * h.shape[1])) for n in (1, 3, 1))
    for t in walk(x, reverse):
        a, b = np.split(x[t] @ w_ih.T + plus(b_ih), 3, 1), np.split(h @ w_hh.T + plus(b_hh), 3, 1)
        r, z, candidate[t] = sigma(a[0] + b[0]), sigma(a[1] + b[1]), b[2]
        n = np.tanh(a[2] + r * b[2])
        gates[t] = np.hstack([r, z, n])
        out[t] = h = (1 - z) * n + z * h
    return out, h, gates, candidate


def slopes(f, operands, cotangents):
    """Gradients of ``sum(cotangents * f(operands))`` by every operand, by central differences."""
    grads = []
    for i, v in enumerate(operands):
        grad = np.empty(v.shape)
        for at in np.ndindex(*v.shape):
            values = []
            for h in (1e-5, -1e-5):
                moved = v.copy()
                moved[at] += h
                results = f(*(moved if j == i else o for j, o in enumerate(operands)))
                values.append(sum((g * r).sum() for g, r in zip(cotangents, results, strict=True) if g is not None))
            grad[at] = (values[0] - values[1]) / 2e-5
        grads.append(grad)
    return grads


LAYERS = (
    ("rnn_layer", "", rnn, 1, 1, {"nonlinearity": "tanh"}),
    ("rnn_layer", "", rnn, 1, 1, {"nonlinearity": "relu"}),
    ("lstm_layer", "_train", lstm, 4, 2, {}),
    ("gru_layer", "_train", gru, 3, 1, {}),
)
for _reverse, _biased in ((False, True), (True, True), (True, False)):
    for _op, _train, _f, _gates, _states, _how in LAYERS:
        _how = {**_how, "reverse": _reverse}
        _bias = [normal(_gates * 2) if _biased else None for _ in range(2)]
        _operands = (
            normal(3, 2, 4),
            *(normal(2, 2) for _ in range(_states)),
            normal(_gates * 2, 4),
            normal(_gates * 2, 2),
        )
        case(_op, lambda *o, f=_f, n=_states + 1, **how: f(*o, **how)[:n], *_operands, *_bias, **_how)
        if _train:
            case(_op + _train, _f, *_operands, *_bias, **_how)
        # Backward: with every cotangent, then with that of the sequence alone.
        _zero = np.zeros(_gates * 2)
        _results = _f(*_operands, _zero, _zero, **_how)
        _saved = (_results[0], *_results[_states + 1 :])
        for _given in (len(_results), 1):
            _g = [normal(*r.shape) if j < _given else None for j, r in enumerate(_results)]

            def backward(*o, f=_f, count=len(_g), n=len(_operands), gates=_gates, gru_like=_op == "gru_layer", **how):
                zero = np.zeros(gates * 2)
                grads = slopes(lambda *v: f(*v, **how), (*o[count : count + n], zero, zero), o[:count])
                return tuple(grads if gru_like else grads[:-1])

            # Relu's gradient jumps where a state is zero, and half of the states are.
            smooth = _how.get("nonlinearity") != "relu"
            case(_op + "_backward", backward, *_g, *_operands, *_saved, half=False, grad=smooth, tolerance=100, **_how)
