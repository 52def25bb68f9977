"""Layers that PyTorch has kernels for, with their adjoints: the overrides that make the backend fast."""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F

aten = torch.ops.aten
AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
LARGEST = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


def _convolution_backward(g, x, w, stride, padding, dilation, groups, mask):
    dims = len(stride)
    return aten.convolution_backward(g, x, w, None, list(stride), list(padding), list(dilation), False, [0] * dims, groups,
                                     mask)


class Layers:
    """Images are (N, C, *spatial)."""

    def conv(self, x, w, *, stride, padding, dilation, groups):
        if x.is_complex():
            return super().conv(x, w, stride=stride, padding=padding, dilation=dilation, groups=groups)
        return torch.convolution(x, w, None, stride, padding, dilation, False, (0,) * len(stride), groups)

    def conv_input(self, g, w, *, input_size, stride, padding, dilation, groups):
        if g.is_complex():
            return super().conv_input(g, w, input_size=input_size, stride=stride, padding=padding, dilation=dilation,
                                      groups=groups)
        x = g.new_empty(1).expand((g.shape[0], w.shape[1] * groups, *input_size))
        return _convolution_backward(g, x, w, stride, padding, dilation, groups, (True, False, False))[0]

    def conv_weight(self, x, g, *, kernel_size, stride, padding, dilation, groups):
        if g.is_complex():
            return super().conv_weight(x, g, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                                       groups=groups)
        w = g.new_empty(1).expand((g.shape[1], x.shape[1] // groups, *kernel_size))
        return _convolution_backward(g, x, w, stride, padding, dilation, groups, (False, True, False))[1]

    def max_pool(self, x, *, kernel_size, stride, padding, dilation, ceil_mode=False):
        if any(2 * p > k for p, k in zip(padding, kernel_size, strict=True)) or not x.is_floating_point():
            return super().max_pool(x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                                    ceil_mode=ceil_mode)
        y, indices = LARGEST[len(kernel_size)](x, kernel_size, stride, padding, dilation, ceil_mode, True)
        return y, indices

    def max_pool_window(self, x, *, kernel_size, stride, padding, dilation, ceil_mode=False):
        y, indices = self.max_pool(x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                                   ceil_mode=ceil_mode)
        # The place in the image becomes the number in the window, one axis after the other; 32 bits are divided faster.
        rest, choice = indices.to(torch.int32), None
        for d in reversed(range(len(kernel_size))):
            at = rest
            if d:
                rest = torch.div(rest, x.shape[2 + d], rounding_mode="floor")
                at = at - rest * x.shape[2 + d]
            start = torch.arange(y.shape[2 + d], dtype=torch.int32, device=x.device) * stride[d] - padding[d]
            number = at - start.reshape(-1, *(1,) * (len(kernel_size) - 1 - d))
            if dilation[d] > 1:
                number = torch.div(number, dilation[d], rounding_mode="floor")
            scale = math.prod(kernel_size[d + 1:])
            choice = number if choice is None else choice + number * scale
        return y, choice.to(torch.uint8 if math.prod(kernel_size) <= 256 else torch.int64)

    def max_pool_window_backward(self, g, choice, *, input_size, kernel_size, stride, padding, dilation):
        count = math.prod(kernel_size)
        if tuple(stride) != tuple(kernel_size) or any(padding) or any(d > 1 for d in dilation) or count > 16:
            return super().max_pool_window_backward(g, choice, input_size=input_size, kernel_size=kernel_size,
                                                    stride=stride, padding=padding, dilation=dilation)
        # Windows that do not overlap: each place in the window is a regular grid of the image.
        gx = g.new_zeros((*g.shape[:2], *input_size))
        for number, place in enumerate(itertools.product(*map(range, kernel_size))):
            grid = tuple(slice(p, p + s * (n - 1) + 1, s) for p, s, n in zip(place, stride, g.shape[2:], strict=True))
            gx[(..., *grid)] = g * (choice == number)
        return gx

    def avg_pool(self, x, *, kernel_size, stride, padding, ceil_mode=False, count_include_pad=True, divisor_override=None):
        if len(kernel_size) == 1:
            if divisor_override is not None:
                return super().avg_pool(x, kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                                        count_include_pad=count_include_pad, divisor_override=divisor_override)
            return F.avg_pool1d(x, kernel_size, stride, padding, ceil_mode, count_include_pad)
        return AVERAGE[len(kernel_size)](x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)

    def avg_pool_backward(self, g, *, input_size, kernel_size, stride, padding, ceil_mode=False, count_include_pad=True,
                          divisor_override=None):
        if len(kernel_size) == 1:
            return super().avg_pool_backward(g, input_size=input_size, kernel_size=kernel_size, stride=stride,
                                             padding=padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad,
                                             divisor_override=divisor_override)
        backward = aten.avg_pool2d_backward if len(kernel_size) == 2 else aten.avg_pool3d_backward
        x = g.new_empty((*g.shape[:2], *input_size))
        return backward(g.contiguous(), x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)

    def embedding_backward(self, g, i, *, rows, padding_idx=-1):
        return aten.embedding_dense_backward(g, i, rows, padding_idx, False)

    def layer_norm(self, x, weight, bias, *, ndim, eps):
        y, mean, rstd = torch.native_layer_norm(x, x.shape[x.ndim - ndim:], weight, bias, eps)
        return y, mean.to(x.dtype), rstd.to(x.dtype)

    def layer_norm_backward(self, g, x, weight, mean, rstd, *, ndim):
        shape = x.shape[x.ndim - ndim:]
        scale = torch.ones(shape, dtype=x.dtype, device=x.device) if weight is None else weight
        operands = (v.contiguous() for v in (g, x))
        return aten.native_layer_norm_backward(*operands, shape, mean.contiguous(), rstd.contiguous(), scale,
                                               torch.zeros_like(scale), [True, True, True])

    def group_norm(self, x, weight, bias, *, groups, eps):
        n, c = x.shape[:2]
        # PyTorch's kernel reads the memory of its operands as if it were dense.
        x, weight, bias = (None if v is None else v.contiguous() for v in (x, weight, bias))
        y, mean, rstd = torch.native_group_norm(x, weight, bias, n, c, x[0, 0].numel(), groups, eps)
        return y, mean.to(x.dtype), rstd.to(x.dtype)

    def batch_norm_eval(self, x, weight, bias, mean, var, *, eps):
        return F.batch_norm(x, mean, var, weight, bias, False, 0.0, eps)
