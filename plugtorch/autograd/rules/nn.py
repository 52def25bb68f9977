"""Gradients of layers as whole ops."""

from __future__ import annotations

import math

from ..plans import defvjp, defvjp_joint, nondifferentiable


def _linear_x(k, g, x_shape, w):
    flat = g if len(g.shape) == 2 else k.reshape(g, shape=(math.prod(g.shape[:-1]), g.shape[-1]))
    gx = k.matmul(flat, k.conj(w))
    return gx if len(x_shape) == 2 else k.reshape(gx, shape=x_shape)


def _linear_b(k, g):
    return k.sum(g, axis=tuple(range(len(g.shape) - 1)))


defvjp("linear", x=_linear_x, w=lambda k, g, x: k.linear_weight(g, x), b=_linear_b)


@defvjp_joint("linear_weight")
def _linear_weight(k, h, needs, g, x):
    gg = k.linear(x, h, None) if needs[0] else None
    gx = None
    if needs[1]:
        g2 = k.reshape(g, shape=(math.prod(g.shape[:-1]), g.shape[-1]))
        gx = k.reshape(k.matmul(g2, k.conj(h)), shape=tuple(x.shape))
    return gg, gx


# conv, conv_input and conv_weight are the three sides of one trilinear form: each is the others' gradient.
def _geometry(stride, padding, dilation, groups):
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


defvjp("conv",
       x=lambda k, g, x_shape, w, stride, padding, dilation, groups: k.conv_input(
           g, k.conj(w), input_size=tuple(x_shape[2:]), **_geometry(stride, padding, dilation, groups)),
       w=lambda k, g, x, w_shape, stride, padding, dilation, groups: k.conv_weight(
           k.conj(x), g, kernel_size=tuple(w_shape[2:]), **_geometry(stride, padding, dilation, groups)))
def _conv_input_g(k, h, g_shape, w, stride, padding, dilation, groups):
    """The convolution, cut to g's size: a transposed one with much output padding has positions that g never had."""
    out = k.conv(h, k.conj(w), **_geometry(stride, padding, dilation, groups))
    if tuple(out.shape) == tuple(g_shape):
        return out
    return k.slice(out, start=(0,) * len(g_shape), stop=tuple(g_shape), step=(1,) * len(g_shape))


defvjp("conv_input",
       g=_conv_input_g,
       w=lambda k, h, g, w_shape, stride, padding, dilation, groups: k.conv_weight(
           h, k.conj(g), kernel_size=tuple(w_shape[2:]), **_geometry(stride, padding, dilation, groups)))
defvjp("conv_weight",
       x=lambda k, h, x_shape, g, stride, padding, dilation, groups: k.conv_input(
           k.conj(g), h, input_size=tuple(x_shape[2:]), **_geometry(stride, padding, dilation, groups)),
       g=lambda k, h, x, stride, padding, dilation, groups: k.conv(
           k.conj(x), h, **_geometry(stride, padding, dilation, groups)))
defvjp("bias_add", y=lambda k, g: g, b=lambda k, g: k.channel_sum(g))
defvjp("channel_sum", g=lambda k, h, g_shape: k.broadcast_to(
    k.reshape(h, shape=(1, g_shape[1], *(1,) * (len(g_shape) - 2))), shape=g_shape))

defvjp("max_pool", x=lambda k, gs, x_shape, indices: k.max_pool_backward(
    gs[0], indices, input_size=tuple(x_shape[2:])))
defvjp("max_pool_backward", g=lambda k, h, indices: k.max_pool_gather(h, indices), indices=None)
defvjp("max_pool_gather", x=lambda k, g, x_shape, indices: k.max_pool_backward(
    g, indices, input_size=tuple(x_shape[2:])), indices=None)


def _window(input_size, kernel_size, stride, padding, dilation):
    return {"input_size": tuple(input_size), "kernel_size": kernel_size, "stride": stride, "padding": padding,
            "dilation": dilation}


nondifferentiable("max_pool_indices")
defvjp("max_pool_window", x=lambda k, gs, x_shape, choice, kernel_size, stride, padding, dilation:
       k.max_pool_window_backward(gs[0], choice, **_window(x_shape[2:], kernel_size, stride, padding, dilation)))
defvjp("max_pool_window_backward", choice=None,
       g=lambda k, h, choice, input_size, kernel_size, stride, padding, dilation: k.max_pool_gather(
           h, k.max_pool_indices(choice, **_window(input_size, kernel_size, stride, padding, dilation))))


def _pooling(kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    return {"kernel_size": kernel_size, "stride": stride, "padding": padding, "ceil_mode": ceil_mode,
            "count_include_pad": count_include_pad, "divisor_override": divisor_override}


defvjp("avg_pool",
       x=lambda k, g, x_shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override:
       k.avg_pool_backward(g, input_size=tuple(x_shape[2:]), **_pooling(
           kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)))
defvjp("avg_pool_backward",
       g=lambda k, h, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override:
       k.avg_pool(h, **_pooling(kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)))
defvjp("embedding", w=lambda k, g, w_shape, i, padding_idx: k.embedding_backward(
    g, i, rows=w_shape[0], padding_idx=padding_idx), i=None)


def _embedding_backward(k, h, i, padding_idx):
    rows = k.take(h, i, axis=0)
    if padding_idx < 0:
        return rows
    skip = k.reshape(k.eq(i, padding_idx), shape=(*i.shape, 1))
    return k.where(skip, 0, rows)


defvjp("embedding_backward", g=_embedding_backward, i=None)
