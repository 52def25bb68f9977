"""Max pooling that remembers, in one byte per window, which element of the window won.

The byte counts the window's elements in row-major order. From it the gradient is one masked product per kernel
element, and the flat position of the maximum in the input is a little integer arithmetic.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from .pool import _arrange, _image_blocks, _lift, _passes, _tap, max_pool_fast

__all__ = ["choice_type", "window_indices", "window_pool", "window_pool_backward"]


def choice_type(kernel_size):
    """dtype of the element's number: a byte where it fits."""
    return np.dtype(np.uint8 if prod(kernel_size) <= 256 else np.int64)


def window_pool(x, *, kernel_size, stride, padding, dilation, ceil_mode):
    """Maximum over windows of ``x`` ``(N, C, *S)`` and the number of the element that won: both ``(N, C, *Q)``.

    The first of equal maxima wins; among NaNs the last.
    """
    y, choices = max_pool_fast(x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation,
                               ceil_mode=ceil_mode)
    lifted, restore = _arrange(x)
    size = y.shape[2:]
    passes = _passes(lifted.shape[1:4], size, kernel_size, stride, padding, dilation)
    dtype = choice_type(kernel_size)
    if not passes:
        return y, np.zeros_like(y, dtype=dtype)
    number, weight = choices[0].astype(dtype, copy=False), dtype.type(1)
    weights = _weights(kernel_size)
    number = number * dtype.type(weights[passes[0][0]]) if weights[passes[0][0]] != 1 else number
    for one, choice in zip(passes[1:], choices[1:], strict=True):
        weight = dtype.type(weights[one[0]])
        number = _chosen(number, choice, *one)
        number += choice.astype(dtype, copy=False) * weight
    return y, restore(number, len(size))


def _weights(kernel_size):
    """Step of the element's number along each lifted axis (1, 2, 3)."""
    full = _lift(kernel_size, 1)
    return {a + 1: prod(full[a + 1:]) for a in range(3)}


def _chosen(number, choice, axis, length, results, kernel, stride, padding, dilation):
    """``number`` at the element that ``choice`` picked along an axis."""
    out = np.empty(choice.shape, number.dtype)
    for t in range(kernel):
        inputs, outputs = _tap(axis, t, length, results, stride, padding, dilation)
        source, target = number[inputs], out[outputs]
        if kernel == 2 and padding == 0 and source.shape == out.shape and choice.itemsize == number.itemsize == 1:
            # With two candidates a product is faster than a selection; bytes wrap.
            if t == 0:
                first = source
            else:
                np.subtract(source, first, out=out)
                np.multiply(out, choice, out=out)
                np.add(out, first, out=out)
            continue
        np.copyto(target, source, where=choice[outputs] == t)
    return out


def window_indices(choice, *, input_size, kernel_size, stride, padding, dilation):
    """Flat int64 positions of the winners in the spatial sizes ``input_size``, ``(N, C, *Q)`` as ``choice``."""
    dims = len(kernel_size)
    rest = choice.astype(np.int64)
    index = np.zeros_like(rest)
    for d in range(dims):
        inner, outer = prod(kernel_size[d + 1:]), prod(input_size[d + 1:])
        at = rest // inner if inner > 1 else rest
        if inner > 1:
            rest -= at * inner
        start = np.arange(choice.shape[2 + d]) * stride[d] - padding[d]
        start = start.reshape(-1, *(1,) * (dims - 1 - d))
        index += (at * dilation[d] + start) * outer
    return index


def window_pool_backward(g, choice, *, input_size, kernel_size, stride, padding, dilation):
    """Gradient ``(N, C, *S)`` with ``S = input_size`` of `window_pool`; ``g`` and ``choice`` are ``(N, C, *Q)``."""
    n = len(input_size)
    picked, restore = _arrange(choice)
    lifted, _ = _arrange(g, like=picked.shape)
    full, size = _lift(input_size, 1), _lift(g.shape[2:], 1)
    kernel, steps = _lift(kernel_size, 1), _lift(stride, 1)
    before, spacing = _lift(padding, 0), _lift(dilation, 1)
    gx = np.empty((lifted.shape[0], *full, lifted.shape[-1]), g.dtype)
    bits = np.dtype(f"i{g.itemsize}")
    axes = [(a + 1, full[a], size[a], steps[a], before[a], spacing[a]) for a in range(3)]
    apart = all(k <= s and d == 1 for k, s, d in zip(kernel, steps, spacing, strict=True))
    filled = apart and kernel == steps and not any(before) and all(q * s == f for q, s, f in
                                                                   zip(size, steps, full, strict=True))
    for i, j in _image_blocks(gx, lifted):
        target, values, numbers = gx[i:j], lifted[i:j], picked[i:j]
        if not filled:
            target[...] = 0
        flags = np.empty(numbers.shape, np.bool_)
        for number, taps in enumerate(product(*map(range, kernel))):
            inputs, outputs = [slice(None)], [slice(None)]
            for tap, (axis, length, results, step, pad, space) in zip(taps, axes, strict=True):
                source, result = _tap(axis, tap, length, results, step, pad, space)
                inputs.append(source[axis])
                outputs.append(result[axis])
            inputs, outputs = tuple(inputs), tuple(outputs)
            mask = np.equal(numbers, number, out=flags)[outputs].view(np.int8)
            # Bits times 0 or 1 keep infinities and NaNs where they belong.
            part, place = values[outputs], target[inputs]
            if apart:
                np.multiply(part.view(bits), mask, out=place.view(bits))
            else:
                np.add(place, np.multiply(part.view(bits), mask).view(g.dtype), out=place)
    return restore(gx, n)
