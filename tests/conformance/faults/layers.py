"""Faults of linear algebra, products and layers."""

from __future__ import annotations

import numpy as np

from .fault import kernel

# Linear algebra and products.


@kernel("matmul", "the batch of the second operand ignored")
def _(right, a, b):
    return right(a, b[:1] if b.ndim == 3 else b)


@kernel("matmul", "half accumulates in half")
def _(right, a, b):
    if a.dtype == np.float16:
        y = np.zeros((*a.shape[:-1], b.shape[-1]), np.float16)
        for j in range(a.shape[-1]):
            y += a[..., j, None] * b[..., j, None, :]
        return y
    return right(a, b)


@kernel("adjoint", "a transpose without conjugation")
def _(right, x):
    return x.swapaxes(-1, -2)


@kernel("linear", "the bias forgotten for one row")
def _(right, x, w, b):
    return right(x, w, None if x.ndim == 1 else b)


@kernel("cholesky", "upper ignored")
def _(right, a, *, upper=False):
    return right(a)


@kernel("cholesky", "one bad matrix spoils the batch")
def _(right, a, *, upper=False):
    y = right(a, upper=upper)
    return y if np.isfinite(y).all() else np.full_like(y, np.nan)


@kernel("lu", "pivots counted from one")
def _(right, a):
    packed, pivots = right(a)
    return packed, pivots + 1


@kernel("qr", "complete ignored")
def _(right, a, *, mode="reduced"):
    return right(a)


@kernel("eigh", "reads the upper triangle")
def _(right, a):
    return right(np.conj(a.swapaxes(-1, -2)) + np.triu(np.ones(a.shape[-2:]), 1))


@kernel("svd", "singular values in rising order")
def _(right, a, *, full=False):
    u, s, vh = right(a, full=full)
    return u, s[..., ::-1].copy(), vh


@kernel("eig", "vectors as rows")
def _(right, a):
    w, v = right(a)
    return w, v.swapaxes(-1, -2).copy()


@kernel("solve", "the transposed matrix")
def _(right, a, b):
    return right(a.swapaxes(-1, -2), b)


@kernel("solve_triangular", "unit ignored")
def _(right, a, b, *, upper, unit=False):
    return right(a, b, upper=upper)


@kernel("fft", "the inverse is not scaled")
def _(right, x, *, axis, inverse=False):
    return right(x, axis=axis, inverse=inverse) * (x.shape[axis] if inverse else 1)


@kernel("rfft", "the conjugate spectrum")
def _(right, x, *, axis):
    return right(x, axis=axis).conj()


@kernel("irfft", "an even number of points whatever is asked")
def _(right, x, *, axis, n):
    return right(x, axis=axis, n=2 * (x.shape[axis] - 1) or 1)


# Layers.


@kernel("conv", "the dilation ignored")
def _(right, x, w, *, stride, padding, dilation, groups):
    smaller = tuple(
        p - (d - 1) * (n - 1) // 2 if d > 1 else p for p, d, n in zip(padding, dilation, w.shape[2:], strict=True)
    )
    return right(
        x, w, stride=stride, padding=tuple(max(0, p) for p in smaller), dilation=(1,) * len(stride), groups=groups
    )


@kernel("conv", "the kernel flipped, as mathematicians convolve")
def _(right, x, w, **how):
    return right(x, np.flip(w, tuple(range(2, w.ndim))), **how)


@kernel("conv", "groups in another order")
def _(right, x, w, *, stride, padding, dilation, groups):
    y = right(x, w, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return y if groups == 1 else np.roll(y, y.shape[1] // groups, 1)


@kernel("conv_input", "padding off by one")
def _(right, g, w, *, input_size, stride, padding, dilation, groups):
    return np.roll(
        right(g, w, input_size=input_size, stride=stride, padding=padding, dilation=dilation, groups=groups),
        1 if any(padding) else 0,
        -1,
    )


@kernel("conv_weight", "only the first image counts")
def _(right, x, g, **how):
    return right(x[:1], g[:1], **how)


@kernel("bias_add", "along the last axis")
def _(right, y, b):
    return y + b if y.shape[-1] == len(b) else right(y, b)


@kernel("channel_sum", "a mean")
def _(right, g):
    return right(g) / max(1, g.shape[0])


@kernel("max_pool", "padding counts as zero")
def _(right, x, *, kernel_size, stride, padding, dilation, ceil_mode=False):
    values, index = right(
        x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    )
    return (np.maximum(values, 0) if any(padding) else values), index


@kernel("max_pool_window", "places counted column by column")
def _(right, x, *, kernel_size, stride, padding, dilation, ceil_mode=False):
    values, choice = right(
        x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    )
    if len(kernel_size) == 2:
        rows, columns = kernel_size
        choice = (choice % columns * rows + choice // columns).astype(choice.dtype)
    return values, choice


@kernel("max_pool", "the last of equals")
def _(right, x, *, kernel_size, stride, padding, dilation, ceil_mode=False):
    values, index = right(
        x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    )
    if x.ndim == 3 and not any(padding):
        after = np.minimum(index + 1, x.shape[2] - 1)
        same = np.take_along_axis(x, after, 2) == values
        index = np.where(same & (after % kernel_size[0] != 0), after, index)
    return values, index


@kernel("max_pool_indices", "positions in the padded image")
def _(right, choice, *, input_size, kernel_size, stride, padding, dilation):
    return right(
        choice,
        input_size=input_size,
        kernel_size=kernel_size,
        stride=stride,
        padding=(0,) * len(padding),
        dilation=dilation,
    )


@kernel("max_pool_window_backward", "overlapping windows overwrite")
def _(right, g, choice, **how):
    y = right(g, choice, **how)
    return np.where(np.abs(y) > np.abs(g).max(), g.max(), y)


@kernel("max_pool_backward", "equal places are written once")
def _(right, g, i, *, input_size):
    n, c = g.shape[:2]
    y = np.zeros((n, c, int(np.prod(input_size))), g.dtype)
    np.put_along_axis(y, i.reshape(n, c, -1), g.reshape(n, c, -1), 2)
    return y.reshape(n, c, *input_size)


@kernel("avg_pool", "count_include_pad ignored")
def _(right, x, **how):
    return right(x, **{**how, "count_include_pad": True})


@kernel("avg_pool", "ceil_mode ignored")
def _(right, x, **how):
    return right(x, **{**how, "ceil_mode": False})


@kernel("avg_pool_backward", "the divisor ignored")
def _(right, g, **how):
    return right(g, **{**how, "divisor_override": None})


@kernel("embedding_backward", "padding_idx ignored")
def _(right, g, i, *, rows, padding_idx=-1):
    return right(g, i, rows=rows)


@kernel("batch_norm_train", "the unbiased variance")
def _(right, x, weight, bias, *, eps):
    y, mean, var, rstd = right(x, weight, bias, eps=eps)
    n = x.size // x.shape[1]
    return y, mean, var * n / (n - 1), rstd


@kernel("batch_norm_eval", "eps forgotten")
def _(right, x, weight, bias, mean, var, *, eps):
    return right(x, weight, bias, mean, var, eps=0.0)


@kernel("batch_norm_train_backward", "the mean's share of the gradient forgotten")
def _(right, g, x, weight, mean, rstd):
    gx, gw, gb = right(g, x, weight, mean, rstd)
    return gx + 1e-3, gw, gb


@kernel("layer_norm", "loses small differences of large values")
def _(right, x, weight, bias, *, ndim, eps):
    if x.size and abs(x).max() > 1e3:
        x = x.astype(np.float32).astype(x.dtype)
    return right(x, weight, bias, ndim=ndim, eps=eps)


@kernel("layer_norm_backward", "the bias gets the weight's gradient")
def _(right, g, x, weight, mean, rstd, *, ndim):
    gx, gw, _ = right(g, x, weight, mean, rstd, ndim=ndim)
    return gx, gw, gw


@kernel("group_norm", "one group")
def _(right, x, weight, bias, *, groups, eps):
    y, mean, rstd = right(x, weight, bias, groups=1, eps=eps)
    return y, np.repeat(mean, groups, 1), np.repeat(rstd, groups, 1)


@kernel("rnn_layer", "reverse ignored")
def _(right, *operands, nonlinearity, reverse=False):
    return right(*operands, nonlinearity=nonlinearity)


@kernel("lstm_layer", "gates in another order")
def _(right, x, h, c, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
    n = h.shape[1]
    order = np.r_[n : 2 * n, 0:n, 2 * n : 4 * n]
    return right(
        x,
        h,
        c,
        w_ih[order],
        w_hh[order],
        *(None if b is None else b[order] for b in (b_ih, b_hh)),
        reverse=reverse,
    )


@kernel("gru_layer", "the reset gate applied before the product")
def _(right, x, h, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
    n = h.shape[1]
    bias = None if b_hh is None else np.r_[b_hh[: 2 * n], np.zeros(n)].astype(b_hh.dtype)
    return (
        right(x, h, w_ih, w_hh, b_ih, bias, reverse=reverse)
        if b_hh is not None
        else right(x, h, w_ih, w_hh[:, ::-1], b_ih, b_hh, reverse=reverse)
    )


@kernel("attention", "the causal mask one position late")
def _(right, query, key, value, *, scale, causal):
    if not causal or key.shape[-2] < 2:
        return right(query, key, value, scale=scale, causal=causal)
    scores = scale * (query @ key.swapaxes(-1, -2))
    scores = np.where(np.tri(*scores.shape[-2:], 1, dtype=bool), scores, -np.inf)
    top = scores.max(-1, keepdims=True)
    powers = np.exp(scores - top)
    total = powers.sum(-1, keepdims=True)
    return (powers / total @ value).astype(query.dtype), (top + np.log(total))[..., 0].astype(query.dtype)


@kernel("attention_backward", "the gradient of the sums left out")
def _(right, g, g_logsumexp, query, key, value, y, logsumexp, *, scale, causal):
    return right(g, None, query, key, value, y, logsumexp, scale=scale, causal=causal)
