"""Max and average pooling over one, two or three spatial dimensions, and their adjoints.

Both separate: a window's maximum or sum is taken along W, then along H, then along D, on blocks of images
that stay in cache.  In that order the first of equal maxima of a window in row-major order wins, as it must.

Results keep the memory layout of the input: channels last where the input has channels last, else channels
first.
"""

from __future__ import annotations

from math import prod

import numpy as np

from .correlate import BLOCK_BYTES

__all__ = [
    "avg_pool",
    "avg_pool_backward",
    "max_pool",
    "max_pool_backward",
    "max_pool_fast",
    "max_pool_scatter",
    "pool_size",
]


def max_pool(x, *, kernel_size, stride, padding, dilation, ceil_mode):
    """Maximum over windows of ``x`` ``(N, C, *S)``, and where it was found.

    Returns ``(y, indices)``, both ``(N, C, *Q)``; indices are int64, flat within the spatial sizes of one
    channel. The first of equal maxima wins; among NaNs the last.  Padding never wins.
    """
    size = pool_size(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    lifted, restore = _arrange(x)
    passes = _passes(lifted.shape[1:4], size, kernel_size, stride, padding, dilation)
    full = _lift(size, 1)
    y = np.empty((lifted.shape[0], *full, lifted.shape[-1]), x.dtype)
    indices = np.empty(y.shape, np.int64)
    positions = np.arange(prod(lifted.shape[1:4])).reshape(1, *lifted.shape[1:4], 1)
    for i, j in _image_blocks(lifted, y):
        part, where = lifted[i:j], np.broadcast_to(positions, lifted[i:j].shape)
        for one in passes:
            part, where = _max_with_positions(part, where, *one)
        y[i:j], indices[i:j] = part, where
    return restore(y, len(size)), restore(indices, len(size))


def max_pool_fast(x, *, kernel_size, stride, padding, dilation, ceil_mode):
    """As `max_pool`, with ``(y, saved)`` where ``saved`` is what `max_pool_backward` needs: one byte per
    window."""
    size = pool_size(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    lifted, restore = _arrange(x)
    passes = _passes(lifted.shape[1:4], size, kernel_size, stride, padding, dilation)
    shapes = _pass_shapes(lifted.shape, passes)
    y = np.empty((lifted.shape[0], *_lift(size, 1), lifted.shape[-1]), x.dtype)
    byte = np.uint8 if max(kernel_size) < 256 else np.int64
    choices = [np.empty(shape, byte) for shape in shapes]
    for i, j in _image_blocks(lifted, y):
        targets = [np.empty((j - i, *s[1:]), x.dtype) for s in shapes[:-1]] + [y[i:j]] if shapes else []
        part = lifted[i:j]
        for one, target, choice in zip(passes, targets, choices, strict=True):
            part = _max_with_choice(part, target, choice[i:j], False, *one)
        if not passes:
            y[i:j] = part
        elif x.dtype.kind == "f" and part.size and np.isnan(part.max()):
            part = lifted[i:j]
            for one, target, choice in zip(passes, targets, choices, strict=True):
                part = _max_with_choice(part, target, choice[i:j], True, *one)
    return restore(y, len(size)), choices


def max_pool_backward(g, saved, *, input_size, kernel_size, stride, padding, dilation, ceil_mode):
    """Gradient ``(N, C, *S)`` of `max_pool_fast` with ``S = input_size``; ``g`` is ``(N, C, *Q)``."""
    size = g.shape[2:]
    passes = _passes(_lift(input_size, 1), size, kernel_size, stride, padding, dilation)
    lifted, restore = _arrange(g, like=saved[0].shape if saved else None)
    gx = np.empty((lifted.shape[0], *_lift(input_size, 1), lifted.shape[-1]), g.dtype)
    for i, j in _image_blocks(gx, lifted):
        part = lifted[i:j]
        for number in range(len(passes) - 1, -1, -1):
            axis, length = passes[number][:2]
            shape = list(part.shape)
            shape[axis] = length
            target = gx[i:j] if number == 0 else np.empty(shape, g.dtype)
            part = _spread_choice(part, saved[number][i:j], target, *passes[number])
        if not passes:
            gx[i:j] = part
    return restore(gx, len(size))


def max_pool_scatter(g, indices, *, input_size):
    """Adds ``g`` ``(N, C, *Q)`` at flat spatial ``indices`` of zeros ``(N, C, *S)``; indices may repeat."""
    planes, positions = g.shape[0] * g.shape[1], prod(input_size)
    flat = np.ascontiguousarray(indices).reshape(planes, -1) + np.arange(planes)[:, None] * positions
    values = np.ascontiguousarray(g).reshape(-1)
    # bincount adds in float64, which also keeps float32 sums exact to rounding.
    total = np.bincount(flat.reshape(-1), values, planes * positions)
    return total.astype(g.dtype).reshape(*g.shape[:2], *input_size)


def avg_pool(x, *, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    """Mean over windows of ``x`` ``(N, C, *S)``: ``(N, C, *Q)``.

    The divisor is the window's size: cut at the padded border with ``count_include_pad``, else at the input's
    border; or ``divisor_override`` where that is not None.
    """
    ones = (1,) * len(kernel_size)
    size = pool_size(x.shape[2:], kernel_size, stride, padding, ones, ceil_mode)
    lifted, restore = _arrange(x)
    passes = _passes(lifted.shape[1:4], size, kernel_size, stride, padding, ones)
    scale = _window_scale(
        x.shape[2:], size, kernel_size, stride, padding, count_include_pad, divisor_override
    )
    y = np.empty((lifted.shape[0], *_lift(size, 1), lifted.shape[-1]), x.dtype)
    for i, j in _image_blocks(lifted, y):
        part = lifted[i:j]
        for one in passes:
            part = _sum_windows(part, *one)
        np.multiply(part, scale.astype(x.dtype), out=y[i:j])
    return restore(y, len(size))


def avg_pool_backward(
    g, *, input_size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
):
    """Gradient ``(N, C, *S)`` of `avg_pool` with ``S = input_size``; ``g`` is ``(N, C, *Q)``."""
    size = g.shape[2:]
    passes = _passes(_lift(input_size, 1), size, kernel_size, stride, padding, (1,) * len(size))
    scale = _window_scale(input_size, size, kernel_size, stride, padding, count_include_pad, divisor_override)
    lifted, restore = _arrange(g)
    gx = np.empty((lifted.shape[0], *_lift(input_size, 1), lifted.shape[-1]), g.dtype)
    for i, j in _image_blocks(gx, lifted):
        part = lifted[i:j] * scale.astype(g.dtype)
        for one in reversed(passes):
            part = _spread_sum(part, *one)
        gx[i:j] = part
    return restore(gx, len(size))


def pool_size(size, kernel_size, stride, padding, dilation, ceil_mode):
    """Spatial sizes of a pooled result.  With ``ceil_mode`` a last window may run over the border, but none
    may begin in the padding after the input.  Raises ``RuntimeError`` where a size would not be positive."""
    result = []
    for s, k, st, p, d in zip(size, kernel_size, stride, padding, dilation, strict=True):
        room = s + 2 * p - d * (k - 1) - 1
        q = (room + (st - 1 if ceil_mode else 0)) // st + 1
        if ceil_mode and (q - 1) * st >= s + p:
            q -= 1
        if q < 1:
            raise RuntimeError(
                f"Given input size: ({'x'.join(map(str, size))}). Calculated output size would be too small: "
                f"kernel size {tuple(kernel_size)}, padding {tuple(padding)}, dilation {tuple(dilation)}"
            )
        result.append(q)
    return tuple(result)


def _lift(values, fill):
    return (fill,) * (3 - len(values)) + tuple(values)


def _arrange(x, like=None):
    """``(images, D, H, W, channels)`` in C order, and the function that turns a result back to ``(N, C,
    *S)``.

    Channels first in memory counts every channel as an image with one channel.  ``like``: the shape of an
    array arranged before, to arrange ``x`` in the same way.
    """
    n, c = x.shape[:2]
    spatial = _lift(x.shape[2:], 1)
    last = x.transpose(0, *range(2, x.ndim), 1)
    use_last = last.flags.c_contiguous if like is None else like[0] == n and like[-1] == c
    if use_last or (like is None and not x.flags.c_contiguous):
        return np.ascontiguousarray(last).reshape(n, *spatial, c), _restore_last
    return np.ascontiguousarray(x).reshape(n * c, *spatial, 1), lambda y, d: y.reshape(
        n, c, *y.shape[4 - d : 4]
    )


def _restore_last(y, d):
    y = y.reshape(y.shape[0], *y.shape[4 - d : 4], y.shape[4])
    return y.transpose(0, d + 1, *range(1, d + 1))


def _passes(full, size, kernel_size, stride, padding, dilation):
    """One (axis, length, results, kernel, stride, padding, dilation) per axis with anything to do; W
    first."""
    full = full[-len(size) :]
    found = []
    for a in range(len(size) - 1, -1, -1):
        if (kernel_size[a], stride[a], padding[a]) != (1, 1, 0):
            axis = a + 4 - len(size)
            found.append((axis, full[a], size[a], kernel_size[a], stride[a], padding[a], dilation[a]))
    return found


def _pass_shapes(shape, passes):
    shapes, shape = [], list(shape)
    for axis, _, results, *_ in passes:
        shape[axis] = results
        shapes.append(tuple(shape))
    return shapes


def _image_blocks(a, b):
    count = a.shape[0]
    each = max(1, (a.nbytes + b.nbytes) // max(1, count))
    step = max(1, BLOCK_BYTES // each)
    return [(i, min(i + step, count)) for i in range(0, count, step)] if a.size or b.size else []


def _tap(axis, tap, length, results, stride, padding, dilation):
    """Index tuples of the inputs that kernel element ``tap`` reads, and of the results that read them."""
    shift = tap * dilation - padding
    lo = max(0, -(shift // stride))
    hi = min(results, (length - 1 - shift) // stride + 1)
    lead = (slice(None),) * axis
    hi = max(lo, hi)
    begin = lo * stride + shift
    return (*lead, slice(begin, max(begin, begin + (hi - lo - 1) * stride + 1), stride)), (
        *lead,
        slice(lo, hi),
    )


def _first_taps(length, results, kernel, stride, padding, dilation):
    """For each result, the first kernel element that lies inside the input, and the input it reads."""
    begin = np.arange(results) * stride - padding
    tap = np.maximum(0, -(begin // dilation))
    return tap, begin + tap * dilation


def _start_maximum(a, y, axis, length, results, kernel, stride, padding, dilation):
    """Puts the first input of each window into ``y``; returns its kernel element, shaped to broadcast."""
    tap, position = _first_taps(length, results, kernel, stride, padding, dilation)
    np.take(a, np.minimum(position, length - 1), axis=axis, out=y, mode="clip")
    outside = (tap >= kernel) | (position >= length)
    if outside.any():
        y[(slice(None),) * axis + (outside,)] = -np.inf if a.dtype.kind == "f" else np.iinfo(a.dtype).min
    return tap.reshape(-1, *(1,) * (a.ndim - 1 - axis))


def _max_with_choice(a, y, choice, careful, axis, length, results, kernel, stride, padding, dilation):
    """Maximum along one axis into ``y``; the winning kernel element into ``choice``.  ``careful``: NaNs may
    occur."""
    geometry = length, results, stride, padding, dilation
    if kernel == 2 and padding == 0 and (results - 1) * stride + dilation < length and not careful:
        first, second = (a[_tap(axis, t, *geometry)[0]] for t in (0, 1))
        np.maximum(first, second, out=y)
        np.greater(second, first, out=choice.view(np.bool_) if choice.itemsize == 1 else choice)
        return y
    choice[...] = _start_maximum(a, y, axis, length, results, kernel, stride, padding, dilation)
    win = np.empty(y.shape, np.bool_)
    number = np.empty(y.shape, choice.dtype)
    for t in range(kernel):
        source, target = _tap(axis, t, *geometry)
        new, best, chosen, better, label = a[source], y[target], choice[target], win[target], number[target]
        np.greater(new, best, out=better)
        if careful:
            np.logical_or(better, new != new, out=better)
            np.copyto(chosen, t, where=better)
        else:
            # Kernel elements come in rising order, so the last one that was better is the largest.
            np.multiply(better, choice.dtype.type(t), out=label)
            np.maximum(chosen, label, out=chosen)
        np.maximum(best, new, out=best)
    return y


def _max_with_positions(a, where, axis, length, results, kernel, stride, padding, dilation):
    shape = list(a.shape)
    shape[axis] = results
    y = np.empty(shape, a.dtype)
    _start_maximum(a, y, axis, length, results, kernel, stride, padding, dilation)
    _, position = _first_taps(length, results, kernel, stride, padding, dilation)
    found = np.take(where, np.minimum(position, length - 1), axis=axis)
    for t in range(kernel):
        source, target = _tap(axis, t, length, results, stride, padding, dilation)
        new, best = a[source], y[target]
        better = (new > best) | (new != new)
        np.copyto(best, new, where=better)
        np.copyto(found[target], where[source], where=better)
    return y, found


def _spread_choice(g, choice, target, axis, length, results, kernel, stride, padding, dilation):
    """Adjoint of one pass: ``g`` at the chosen kernel element of each window, zero elsewhere."""
    # Multiplying the bits by 0 or 1 keeps infinities and NaNs where they belong, at the speed of a product.
    bits = np.dtype(f"i{g.itemsize}")
    apart = dilation == 1 and kernel <= stride
    if not (apart and kernel == stride and padding == 0 and results * stride == length):
        target[...] = 0
    whole = np.ascontiguousarray(g)
    flags = np.empty(choice.shape, np.bool_)
    term = None if apart else np.empty(g.shape, g.dtype)
    for t in range(kernel):
        inputs, outputs = _tap(axis, t, length, results, stride, padding, dilation)
        if kernel == 2 and choice.itemsize == 1:
            mask = choice.view(np.bool_) if t else np.logical_not(choice.view(np.bool_), out=flags)
        else:
            mask = np.equal(choice, t, out=flags)
        values, place = whole[outputs], target[inputs]
        if apart:
            np.multiply(values.view(bits), mask[outputs].view(np.int8), out=place.view(bits))
        else:
            part = term[outputs]
            np.multiply(values.view(bits), mask[outputs].view(np.int8), out=part.view(bits))
            np.add(place, part, out=place)
    return target


def _sum_windows(a, axis, length, results, kernel, stride, padding, dilation):
    shape = list(a.shape)
    shape[axis] = results
    y = np.zeros(shape, a.dtype)
    for t in range(kernel):
        source, target = _tap(axis, t, length, results, stride, padding, dilation)
        np.add(y[target], a[source], out=y[target])
    return y


def _spread_sum(g, axis, length, results, kernel, stride, padding, dilation):
    shape = list(g.shape)
    shape[axis] = length
    gx = np.zeros(shape, g.dtype)
    for t in range(kernel):
        inputs, outputs = _tap(axis, t, length, results, stride, padding, dilation)
        np.add(gx[inputs], g[outputs], out=gx[inputs])
    return gx


def _window_scale(length, size, kernel_size, stride, padding, count_include_pad, divisor_override):
    """Reciprocal of each window's divisor, shaped ``(1, D, H, W, 1)``."""
    if divisor_override is not None:
        return np.full((1, 1, 1, 1, 1), 1.0 / divisor_override)
    count = np.ones((1, 1))
    for n, q, k, s, p in zip(length, size, kernel_size, stride, padding, strict=True):
        begin = np.arange(q) * s - p
        end = np.minimum(begin + k, n + p)
        if not count_include_pad:
            begin, end = np.maximum(begin, 0), np.minimum(end, n)
        count = count[..., None] * (end - begin)
    return (1.0 / count).reshape(1, *_lift(size, 1), 1)
