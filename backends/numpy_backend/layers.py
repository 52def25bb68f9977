"""Layers as whole kernels: activations, softmax, convolution, attention, pooling, normalisation."""

from __future__ import annotations

import numpy as np

from .elementwise import masked
from .half import halved
from .nn import attention, conv, erf, gelu, norm, pool, softmax, window_pool
from .quiet import QUIET, silent
from .threads import one_blas_thread


def kernel(method):
    """A kernel of many calls: without warnings, and on half arrays by way of float32."""
    return silent(halved(method))


class NumpyActivations:
    """Activations and the softmax family."""

    @halved
    def sigmoid(self, x):
        return QUIET.run(_sigmoid, x)

    @halved
    def silu(self, x):
        y = QUIET.run(_sigmoid, x)
        return QUIET.run(np.multiply, y, x, y)

    def threshold_backward(self, g, y):
        keep = np.logical_not(y <= 0)  # nan passes
        if g.shape == y.shape and g.itemsize <= 8:
            return masked(g, keep)
        return np.where(keep, g, g.dtype.type(0))

    @kernel
    @one_blas_thread
    def erf(self, x):
        return erf.erf(x)

    @kernel
    @one_blas_thread
    def gelu(self, x, *, approximate="none"):
        return gelu.gelu(x, approximate=approximate)

    @kernel
    @one_blas_thread
    def gelu_backward(self, g, x, *, approximate="none"):
        return gelu.gelu_backward(g, x, approximate=approximate)

    @halved
    @one_blas_thread
    def softmax(self, x, *, axis):
        return softmax.softmax(x, axis=axis)

    @halved
    @one_blas_thread
    def softmax_backward(self, g, y, *, axis):
        return softmax.softmax_backward(g, y, axis=axis)

    def log_softmax(self, x, *, axis):
        if softmax.few_rows(x, axis):
            return QUIET.run(softmax.log_softmax_rows, x)
        return _log_softmax(self, x, axis=axis)

    def log_softmax_backward(self, g, y, *, axis):
        if softmax.few_rows(g, axis) and y.flags.c_contiguous and g.dtype == y.dtype:
            return QUIET.run(softmax.log_softmax_backward_rows, g, y)
        return _log_softmax_backward(self, g, y, axis=axis)


@halved
@one_blas_thread
def _log_softmax(self, x, *, axis):
    return softmax.log_softmax(x, axis=axis)


@halved
@one_blas_thread
def _log_softmax_backward(self, g, y, *, axis):
    return softmax.log_softmax_backward(g, y, axis=axis)


def _sigmoid(x):
    y = np.asarray(np.multiply(x, 0.5))
    np.tanh(y, out=y)
    np.multiply(y, 0.5, out=y)
    return np.add(y, 0.5, out=y)


class NumpyConvolution:
    """Convolution, its adjoints and its bias."""

    @kernel
    @one_blas_thread
    def conv(self, x, w, *, stride, padding, dilation, groups):
        return conv.conv(x, w, stride=stride, padding=padding, dilation=dilation, groups=groups)

    @kernel
    @one_blas_thread
    def conv_input(self, g, w, *, input_size, stride, padding, dilation, groups):
        return conv.conv_input(g, w, input_size=input_size, stride=stride, padding=padding, dilation=dilation,
                               groups=groups)

    @kernel
    @one_blas_thread
    def conv_weight(self, x, g, *, kernel_size, stride, padding, dilation, groups):
        return conv.conv_weight(x, g, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                                groups=groups)

    @kernel
    @one_blas_thread
    def channel_sum(self, g):
        return conv.channel_sum(g)

    @kernel
    def bias_add(self, y, b):
        return add_bias(y, b)


def add_bias(y, b, out=None):
    """``y`` of shape (N, C, ...) with ``b`` of shape (C,) added to its channels; ``out`` may be y itself."""
    last = np.moveaxis(y, 1, -1)
    if y.ndim > 2 and y.size and last.flags.c_contiguous and (out is None or out is y):
        # Whole image rows give the ufunc longer inner loops than one set of channels.
        row = last.shape[-2]
        lines = last.reshape(-1, row * b.size)
        flat = np.add(lines, np.tile(b, row), out=None if out is None else lines)
        return np.moveaxis(flat.reshape(last.shape), -1, 1)
    return np.add(y, b.reshape(-1, *(1,) * (y.ndim - 2)), out=out)


class NumpyAttention:
    """Attention and its adjoint."""

    @kernel
    @one_blas_thread
    def attention(self, query, key, value, *, scale, causal):
        return attention.attention(query, key, value, scale=scale, causal=causal)

    @kernel
    @one_blas_thread
    def attention_backward(self, g, g_logsumexp, query, key, value, y, logsumexp, *, scale, causal):
        return attention.attention_backward(g, g_logsumexp, query, key, value, y, logsumexp, scale=scale, causal=causal)


class NumpyPooling:
    """Max and average pooling."""

    @kernel
    def max_pool_window(self, x, *, kernel_size, stride, padding, dilation, ceil_mode=False):
        return window_pool.window_pool(x, kernel_size=kernel_size, stride=stride, padding=padding,
                                       dilation=dilation, ceil_mode=ceil_mode)

    def max_pool_indices(self, choice, *, input_size, kernel_size, stride, padding, dilation):
        return window_pool.window_indices(choice, input_size=input_size, kernel_size=kernel_size, stride=stride,
                                          padding=padding, dilation=dilation)

    @kernel
    def max_pool_window_backward(self, g, choice, *, input_size, kernel_size, stride, padding, dilation):
        return window_pool.window_pool_backward(g, choice, input_size=input_size, kernel_size=kernel_size,
                                                stride=stride, padding=padding, dilation=dilation)

    @kernel
    def max_pool_backward(self, g, indices, *, input_size):
        if g.dtype.kind != "f":
            return super().max_pool_backward(g, indices, input_size=input_size)
        return pool.max_pool_scatter(g, indices, input_size=input_size)

    @kernel
    def avg_pool(self, x, *, kernel_size, stride, padding, ceil_mode=False, count_include_pad=True,
                 divisor_override=None):
        return pool.avg_pool(x, kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                             count_include_pad=count_include_pad, divisor_override=divisor_override)

    @kernel
    def avg_pool_backward(self, g, *, input_size, kernel_size, stride, padding, ceil_mode=False,
                          count_include_pad=True, divisor_override=None):
        return pool.avg_pool_backward(g, input_size=input_size, kernel_size=kernel_size, stride=stride,
                                      padding=padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad,
                                      divisor_override=divisor_override)


class NumpyNormalisation:
    """Batch, layer and group normalisation."""

    @kernel
    @one_blas_thread
    def batch_norm_train(self, x, weight, bias, *, eps):
        return norm.batch_norm_train(x, weight, bias, eps=eps)

    @kernel
    @one_blas_thread
    def batch_norm_train_backward(self, g, x, weight, mean, rstd):
        return norm.batch_norm_backward(g, x, weight, mean, rstd, train=True)

    @kernel
    def batch_norm_eval(self, x, weight, bias, mean, var, *, eps):
        rstd = 1 / np.sqrt(var + var.dtype.type(eps))
        return norm.batch_norm_eval(x, weight, bias, mean=mean, rstd=rstd)

    @kernel
    @one_blas_thread
    def layer_norm(self, x, weight, bias, *, ndim, eps):
        return norm.layer_norm(x, weight, bias, ndim=ndim, eps=eps)

    @kernel
    @one_blas_thread
    def layer_norm_backward(self, g, x, weight, mean, rstd, *, ndim):
        if weight is None:
            # The sums by a weight and a bias are results all the same: a bias may stand alone.
            weight = np.ones(x.shape[x.ndim - ndim:], x.dtype)
        return norm.layer_norm_backward(g, x, weight, mean, rstd, ndim=ndim)

    @kernel
    @one_blas_thread
    def group_norm(self, x, weight, bias, *, groups, eps):
        return norm.group_norm(x, weight, bias, num_groups=groups, eps=eps)

    @kernel
    @one_blas_thread
    def group_norm_backward(self, g, x, weight, mean, rstd, *, groups):
        return norm.group_norm_backward(g, x, weight, mean, rstd, num_groups=groups)
