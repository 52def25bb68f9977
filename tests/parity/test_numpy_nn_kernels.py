"""The NumPy backend's neural-network kernels against PyTorch's forward values and gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from plugtorch_numpy.nn import adaptive_pool, conv, embedding, erf, gelu, lstm, norm, pool, rnn, softmax  # noqa: E402

F = torch.nn.functional
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
ADAPTIVE_AVG = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
TOLERANCE = {"float64": 1e-10, "float32": 1e-5, "complex128": 1e-10}
LAYOUTS = ("first", "last")


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def draw(rng, shape, dtype="float64", layout="first"):
    """Normal values, logically ``(N, C, ...)`` with channels first or last in memory."""
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return arrange(x.astype(dtype), layout)


def arrange(x, layout):
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1) if layout == "last" else x


def leaf(x):
    return None if x is None else torch.tensor(np.ascontiguousarray(x), requires_grad=True)


def constant(x):
    return torch.tensor(np.ascontiguousarray(x))


def close(ours, theirs, dtype="float64", scale=1.0):
    theirs = theirs.detach().resolve_conj().numpy()
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * scale)


# (input channels, output channels, groups): the arrangements for few channels, rows, whole kernels, points,
# groups and depthwise kernels all occur below.
CHANNELS = [(1, 4, 1), (3, 5, 1), (12, 7, 1), (40, 9, 1), (12, 8, 2), (12, 12, 12), (12, 24, 12), (20, 20, 5)]
GEOMETRY = [
    # spatial sizes, kernel, stride, padding, dilation
    ((9,), (3,), (1,), (0,), (1,)),
    ((10,), (4,), (3,), (2,), (2,)),
    ((11, 13), (3, 3), (1, 1), (1, 1), (1, 1)),
    ((11, 13), (3, 2), (2, 1), (0, 2), (1, 3)),
    ((12, 9), (1, 1), (2, 2), (0, 0), (1, 1)),
    ((12, 9), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((9, 14), (2, 3), (3, 2), (2, 1), (2, 2)),
    ((7, 8), (2, 2), (3, 3), (0, 0), (1, 1)),
    ((5, 6), (3, 3), (1, 1), (4, 3), (1, 1)),
    ((5, 7, 6), (3, 2, 3), (1, 2, 1), (1, 0, 1), (1, 1, 2)),
    ((6, 5, 9), (2, 3, 3), (2, 1, 2), (0, 1, 1), (1, 2, 1)),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("geometry", GEOMETRY, ids=str)
@pytest.mark.parametrize("channels", CHANNELS, ids=str)
def test_convolution_and_both_gradients(rng, channels, geometry, layout):
    (c, o, groups), (size, kernel, stride, padding, dilation) = channels, geometry
    x, w = draw(rng, (2, c, *size), layout=layout), draw(rng, (o, c // groups, *kernel))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    before = x.copy(), w.copy()
    tx, tw = leaf(x), leaf(w)
    expected = CONV[len(size)](tx, tw, None, stride, padding, dilation, groups)
    close(conv.conv(x, w, **options), expected)
    g = draw(rng, expected.shape, layout=layout)
    expected.backward(constant(g))
    close(conv.conv_input(g, w, input_size=size, **options), tx.grad)
    close(conv.conv_weight(x, g, kernel_size=kernel, **options), tw.grad)
    assert np.array_equal(x, before[0]) and np.array_equal(w, before[1])


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
@pytest.mark.parametrize("channels", [(1, 8, 1), (16, 8, 1), (16, 16, 4)], ids=str)
def test_convolution_in_other_dtypes(rng, channels, dtype):
    c, o, groups = channels
    x, w = draw(rng, (3, c, 12, 10), dtype, "last"), draw(rng, (o, c // groups, 3, 3), dtype)
    options = {"stride": (2, 1), "padding": (1, 1), "dilation": (1, 1), "groups": groups}
    tx, tw = leaf(x), leaf(w)
    expected = F.conv2d(tx, tw, None, (2, 1), 1, 1, groups)
    close(conv.conv(x, w, **options), expected, dtype, 10)
    g = draw(rng, expected.shape, dtype, "last")
    expected.backward(constant(g))
    # The adjoint of a complex map conjugates the other operand, which is left to the caller.
    close(conv.conv_input(g, w.conj(), input_size=(12, 10), **options), tx.grad, dtype, 20)
    close(conv.conv_weight(x.conj(), g, kernel_size=(3, 3), **options), tw.grad, dtype, 50)


def test_convolution_larger_than_one_block(rng):
    """Blocks of several images, and of part of the rows of one image."""
    for shape, features in (((9, 32, 30, 30), 24), ((1, 16, 150, 160), 8), ((2, 3, 200, 190), 4)):
        x, w = draw(rng, shape, "float32", "last"), draw(rng, (features, shape[1], 3, 3), "float32")
        options = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
        tx, tw = leaf(x.astype("float64")), leaf(w.astype("float64"))
        expected = F.conv2d(tx, tw, None, 1, 1)
        g = draw(rng, expected.shape, "float32")
        expected.backward(constant(g.astype("float64")))
        for ours, theirs in (
            (conv.conv(x, w, **options), expected),
            (conv.conv_input(g, w, input_size=shape[2:], **options), tx.grad),
            (conv.conv_weight(x, g, kernel_size=(3, 3), **options), tw.grad),
        ):
            theirs = theirs.detach().numpy()
            assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_input_gradient_serves_transposed_convolution(rng, n):
    size = (5, 4, 3)[:n]
    for stride, padding, extra in ((1, 0, 0), (2, 1, 1), (3, 2, 2)):
        x, w = draw(rng, (2, 6, *size)), draw(rng, (6, 5, *(3,) * n))
        expected = CONV_TRANSPOSE[n](constant(x), constant(w), None, stride, padding, extra)
        ours = conv.conv_input(
            x,
            w,
            input_size=tuple(expected.shape[2:]),
            stride=(stride,) * n,
            padding=(padding,) * n,
            dilation=(1,) * n,
            groups=1,
        )
        close(ours, expected)


def test_convolution_of_nothing(rng):
    options = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    x, w = draw(rng, (0, 6, 8, 8)), draw(rng, (4, 6, 3, 3))
    y = conv.conv(x, w, **options)
    assert y.shape == (0, 4, 6, 6)
    assert conv.conv_input(y, w, input_size=(8, 8), **options).shape == x.shape
    assert np.array_equal(conv.conv_weight(x, y, kernel_size=(3, 3), **options), np.zeros_like(w))
    with pytest.raises(
        RuntimeError, match=r"padded input size per channel: \(2 x 8\).*Kernel size: \(3 x 3\)"
    ):
        conv.conv(draw(rng, (1, 6, 2, 8)), w, **options)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(3, 5), (2, 5, 7), (70, 5, 31, 33), (2, 5, 3, 4, 6), (0, 5, 3)], ids=str)
def test_bias_and_its_gradient(rng, shape, layout):
    y, b = draw(rng, shape, "float32", layout), draw(rng, (5,), "float32")
    axes = tuple(a for a in range(len(shape)) if a != 1)
    expected = y.astype("float64").sum(axes)
    np.testing.assert_allclose(conv.channel_sum(y), expected, rtol=1e-5, atol=1e-5 * math.sqrt(y.size + 1))
    added = y + b.reshape(-1, *(1,) * (len(shape) - 2))
    assert np.array_equal(conv.bias_add(y, b), added)


POOLS = [
    # sizes, kernel, stride, padding, dilation, ceil_mode
    ((10,), (2,), (2,), (0,), (1,), False),
    ((11,), (3,), (2,), (1,), (2,), True),
    ((8, 12), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((9, 11), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((9, 11), (2, 2), (2, 2), (0, 0), (1, 1), True),
    ((9, 12), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((9, 12), (3, 2), (1, 3), (1, 0), (2, 1), True),
    ((7, 7), (1, 1), (1, 1), (0, 0), (1, 1), False),
    ((6, 7, 8), (2, 3, 2), (2, 2, 1), (1, 1, 0), (1, 1, 2), False),
]


def pool_options(geometry):
    _, kernel, stride, padding, dilation, ceil_mode = geometry
    return {
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": ceil_mode,
    }


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("values", ["normal", "ties", "nan", "infinite"])
@pytest.mark.parametrize("geometry", POOLS, ids=str)
def test_max_pool(rng, geometry, values, layout):
    size, kernel, stride, padding, dilation, ceil_mode = geometry
    x = draw(rng, (3, 4, *size))
    if values == "ties":
        x = np.round(x)
    elif values == "nan":
        x[rng.random(x.shape) < 0.1] = np.nan
    elif values == "infinite":
        x[rng.random(x.shape) < 0.6] = -np.inf
    x = arrange(x, layout)
    options = pool_options(geometry)
    tx = leaf(x)
    expected, where = MAX_POOL[len(size)](
        tx, kernel, stride, padding, dilation, ceil_mode, return_indices=True
    )
    y, indices = pool.max_pool(x, **options)
    close(y, expected)
    assert indices.dtype == np.int64
    assert np.array_equal(indices, where.numpy())
    fast, saved = pool.max_pool_fast(x, **options)
    close(fast, expected)
    g = draw(rng, expected.shape, layout=layout)
    expected.backward(constant(g))
    close(pool.max_pool_backward(g, saved, input_size=size, **options), tx.grad)
    close(pool.max_pool_scatter(g, indices, input_size=size), tx.grad)


def test_max_pool_keeps_infinite_gradients_in_place(rng):
    x = draw(rng, (1, 2, 4, 4), layout="last")
    options = pool_options(POOLS[2])
    g = np.full((1, 2, 2, 2), np.inf)
    _, saved = pool.max_pool_fast(x, **options)
    gx = pool.max_pool_backward(g, saved, input_size=(4, 4), **options)
    assert np.isinf(gx).sum() == 8
    assert not np.isnan(gx).any()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("geometry", POOLS, ids=str)
def test_avg_pool(rng, geometry, layout):
    size, kernel, stride, padding, _, ceil_mode = geometry
    x = draw(rng, (3, 4, *size), layout=layout)
    for include, divisor in ((True, None), (False, None), (True, 5)):
        if divisor and len(size) == 1:
            continue
        tx = leaf(x)
        extra = (include,) if len(size) == 1 else (include, divisor)
        expected = AVG_POOL[len(size)](tx, kernel, stride, padding, ceil_mode, *extra)
        options = pool_options(geometry) | {"count_include_pad": include, "divisor_override": divisor}
        del options["dilation"]
        close(pool.avg_pool(x, **options), expected)
        g = draw(rng, expected.shape, layout=layout)
        expected.backward(constant(g))
        close(pool.avg_pool_backward(g, input_size=size, **options), tx.grad)


def test_pooling_too_small_an_input():
    with pytest.raises(RuntimeError, match="too small"):
        pool.pool_size((2, 2), (3, 3), (1, 1), (0, 0), (1, 1), False)
    options = pool_options(POOLS[2])
    assert pool.max_pool_fast(np.zeros((0, 3, 8, 12)), **options)[0].shape == (0, 3, 4, 6)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("output", [(1, 1, 1), (3, 2, 4), (7, 5, 8), (9, 12, 6)], ids=str)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_adaptive_pools(rng, n, output, layout):
    size, output = (7, 10, 8)[:n], output[:n]
    x = np.round(draw(rng, (2, 3, *size)) * 2)
    x[0, 0, 0] = np.nan
    x = arrange(x, layout)
    tx = leaf(x)
    expected = ADAPTIVE_AVG[n](tx, output)
    g = draw(rng, expected.shape, layout=layout)
    expected.backward(constant(g))
    close(adaptive_pool.adaptive_avg_pool(x, output_size=output), expected)
    close(adaptive_pool.adaptive_avg_pool_backward(g, input_size=size), tx.grad)
    tx = leaf(x)
    expected, where = ADAPTIVE_MAX[n](tx, output, return_indices=True)
    expected.backward(constant(g))
    y, indices = adaptive_pool.adaptive_max_pool(x, output_size=output)
    close(y, expected)
    assert np.array_equal(indices, where.numpy())
    close(adaptive_pool.adaptive_max_pool_backward(g, indices, input_size=size), tx.grad)


NORM_SHAPES = [(4, 6), (5, 6, 7), (3, 6, 5, 4), (2, 6, 3, 4, 5), (40, 6, 31, 33)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("shape", NORM_SHAPES, ids=str)
def test_batch_norm(rng, shape, train, affine, layout):
    x, g = draw(rng, shape, layout=layout) * 2 + 3, draw(rng, shape, layout=layout)
    w, b = (draw(rng, (6,)) if affine else None for _ in range(2))
    running_mean, running_var = draw(rng, (6,)), rng.random(6) + 0.5
    tx, tw, tb = leaf(x), leaf(w), leaf(b)
    expected = F.batch_norm(tx, constant(running_mean), constant(running_var), tw, tb, train, 0.0, 1e-5)
    expected.backward(constant(g))
    if train:
        y, mean, var, rstd = norm.batch_norm_train(x, w, b, eps=1e-5)
        axes = tuple(a for a in range(x.ndim) if a != 1)
        np.testing.assert_allclose(mean, x.mean(axes), rtol=1e-12)
        np.testing.assert_allclose(var, x.var(axes), rtol=1e-12)
    else:
        mean, rstd = running_mean, 1 / np.sqrt(running_var + 1e-5)
        y = norm.batch_norm_eval(x, w, b, mean=mean, rstd=rstd)
    close(y, expected)
    gx, gw, gb = norm.batch_norm_backward(g, x, w, mean, rstd, train=train)
    close(gx, tx.grad)
    if affine:
        close(gw, tw.grad, scale=100)
        close(gb, tb.grad, scale=100)


def test_batch_norm_variance_does_not_cancel(rng):
    x = (draw(rng, (64, 4, 20, 20), layout="last") * 0.01 + 100).astype("float32")
    _, _, var, _ = norm.batch_norm_train(x, None, None, eps=1e-5)
    np.testing.assert_allclose(var, x.astype("float64").var((0, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", NORM_SHAPES, ids=str)
def test_layer_and_group_norm(rng, shape, layout, affine):
    x, g = draw(rng, shape, layout=layout) * 2 + 3, draw(rng, shape, layout=layout)
    ndim = min(2, len(shape) - 1)
    for kind, width in (("layer", shape[-ndim:]), ("group", (6,))):
        w, b = (draw(rng, width) if affine else None for _ in range(2))
        tx, tw, tb = leaf(x), leaf(w), leaf(b)
        if kind == "layer":
            expected = F.layer_norm(tx, width, tw, tb, 1e-5)
            y, mean, rstd = norm.layer_norm(x, w, b, ndim=ndim, eps=1e-5)
            gx, gw, gb = norm.layer_norm_backward(g, x, w, mean, rstd, ndim=ndim)
        else:
            expected = F.group_norm(tx, 3, tw, tb, 1e-5)
            y, mean, rstd = norm.group_norm(x, w, b, num_groups=3, eps=1e-5)
            gx, gw, gb = norm.group_norm_backward(g, x, w, mean, rstd, num_groups=3)
        expected.backward(constant(g))
        close(y, expected)
        close(gx, tx.grad)
        if affine:
            close(gw, tw.grad, scale=100)
            close(gb, tb.grad, scale=100)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(5,), (64, 10), (9, 40, 7), (3, 0, 4), (2, 3, 300)], ids=str)
@pytest.mark.parametrize("spread", [1.0, 30.0, 1000.0])
def test_softmax_and_log_softmax(rng, shape, dtype, spread):
    x, g = (draw(rng, shape) * spread).astype(dtype), draw(rng, shape, dtype)
    for name in ("softmax", "log_softmax"):
        for axis in range(x.ndim):
            tx = leaf(x)
            expected = getattr(torch, name)(tx, axis)
            expected.backward(constant(g))
            y = getattr(softmax, name)(x, axis=axis)
            close(y, expected, dtype)
            close(getattr(softmax, f"{name}_backward")(g, y, axis=axis), tx.grad, dtype, 10)


def test_softmax_of_masked_rows():
    x = np.array([[-np.inf, 0.0, 1.0], [-np.inf] * 3, [-200.0, -201.0, -np.inf], [np.nan, 0.0, 0.0]])
    for name in ("softmax", "log_softmax"):
        close(getattr(softmax, name)(x, axis=1), getattr(torch, name)(constant(x), 1))


@pytest.mark.parametrize(
    ("rows", "count"), [(5, 40), (1000, 50), (50, 3000), (3, 1), (4, 0), (1, 500)], ids=str
)
def test_embedding_gradient(rng, rows, count):
    index = rng.integers(0, rows, (count, 1))
    index[: count // 2] = rows // 2
    g = draw(rng, (count, 1, 6))
    before = g.copy()
    table = leaf(draw(rng, (rows, 6)))
    F.embedding(constant(index), table).backward(constant(g))
    close(embedding.embedding_backward(g, index, num_rows=rows), table.grad, scale=100)
    assert np.array_equal(g, before)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("steps", [1, 6])
@pytest.mark.parametrize("kind", ["lstm", "gru", "tanh", "relu"])
def test_recurrent_layers(rng, kind, steps, bias):
    options = {"bidirectional": True, "bias": bias, "dtype": torch.float64}
    if kind in ("tanh", "relu"):
        reference = torch.nn.RNN(3, 4, nonlinearity=kind, **options)
    else:
        reference = getattr(torch.nn, kind.upper())(3, 4, **options)
    x = draw(rng, (steps, 2, 3))
    h0, c0, g_h, g_c = (draw(rng, (2, 2, 4)) for _ in range(4))
    g_out = draw(rng, (steps, 2, 8))
    tx, th, tc = leaf(x), leaf(h0), leaf(c0)
    expected, last = reference(tx, (th, tc) if kind == "lstm" else th)
    last_h, last_c = last if kind == "lstm" else (last, None)
    loss = (expected * constant(g_out)).sum() + (last_h * constant(g_h)).sum()
    if kind == "lstm":
        loss = loss + (last_c * constant(g_c)).sum()
    loss.backward()
    total = 0
    for d, suffix in enumerate(("", "_reverse")):
        half = slice(4 * d, 4 * d + 4)
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        parameters = [getattr(reference, f"{n}_l0{suffix}", None) for n in names]
        weights = [None if p is None else p.detach().numpy() for p in parameters]
        given, back = {"reverse": bool(d)}, {"reverse": bool(d), "input_grad": True}
        if kind == "lstm":
            out, h, c, *saved = lstm.lstm(x, h0[d], c0[d], *weights, **given)
            close(c, last_c[d])
            gx, gh, gc, *gw = lstm.lstm_backward(g_out[..., half], g_h[d], g_c[d], x, h0[d], c0[d], *weights[:2], out,
                                                 *saved, **back)
            close(gc, tc.grad[d])
        elif kind == "gru":
            out, h, *saved = rnn.gru(x, h0[d], *weights, **given)
            gx, gh, *gw = rnn.gru_backward(g_out[..., half], g_h[d], x, h0[d], *weights[:2], out, *saved, **back)
        else:
            out, h = rnn.rnn(x, h0[d], *weights, nonlinearity=kind, **given)
            gx, gh, *gw = rnn.rnn_backward(g_out[..., half], g_h[d], x, h0[d], *weights[:2], out, nonlinearity=kind, **back)
        if kind != "gru":  # both biases are added to the same sums
            gw = [*gw, gw[-1]]
        close(out, expected[..., half])
        close(h, last_h[d])
        close(gh, th.grad[d])
        total = total + gx
        for parameter, gradient in zip(parameters, gw, strict=True):
            if parameter is not None:
                close(gradient, parameter.grad)
    close(total, tx.grad)


def test_recurrent_gradients_that_are_absent(rng):
    x, h0 = draw(rng, (4, 2, 3)), draw(rng, (2, 5))
    weights = draw(rng, (20, 3)), draw(rng, (20, 5)), draw(rng, (20,)), draw(rng, (20,))
    out, _, _, *saved = lstm.lstm(x, h0, h0, *weights, reverse=False)
    zero = np.zeros_like(h0)
    with_none, with_zeros = (
        lstm.lstm_backward(np.ones_like(out), g, g, x, h0, h0, *weights[:2], out, *saved, reverse=False, input_grad=True)
        for g in (None, zero))
    for a, b in zip(with_none, with_zeros, strict=True):
        assert np.array_equal(a, b)


def test_error_function():
    x = np.concatenate([np.linspace(-30, 30, 6001), np.logspace(-20, 0, 100), [np.inf, -np.inf, 0.0, -0.0]])
    exact = np.array([math.erf(v) for v in x])
    complement = np.array([math.erfc(v) for v in x])
    np.testing.assert_allclose(erf.erf(x), exact, rtol=1e-15, atol=0)
    np.testing.assert_allclose(erf.erfc(x), complement, rtol=4e-15, atol=1e-307)
    single = x.astype("float32")
    exact = np.array([math.erf(v) for v in single])
    assert np.abs(erf.erf(single) - exact).max() < 4e-7
    complement = np.array([math.erfc(v) for v in single])
    np.testing.assert_allclose(erf.erfc(single), complement, rtol=2e-7, atol=1e-44)
    assert np.isnan(erf.erf(np.array([np.nan, 1.0]))[0])
    assert erf.erf(single).dtype == np.float32
    assert np.array_equal(np.signbit(erf.erf(np.array([0.0, -0.0]))), [False, True])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(rng, approximate, dtype):
    x, g = (draw(rng, (3, 150, 170), dtype).transpose(1, 0, 2) * 3 for _ in range(2))
    tx = leaf(x)
    expected = F.gelu(tx, approximate=approximate)
    expected.backward(constant(g))
    close(gelu.gelu(x, approximate=approximate), expected, dtype)
    # Where 1 + tanh is a few units in the last place, its rounding is multiplied by x * x * x.
    close(gelu.gelu_backward(g, x, approximate=approximate), tx.grad, dtype, 10)
