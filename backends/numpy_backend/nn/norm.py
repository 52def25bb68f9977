"""Batch, layer and group normalisation with their adjoints.

Batch normalisation: Ioffe and Szegedy, 2015; layer normalisation: Ba, Kiros and Hinton, 2016; group
normalisation: Wu and He, 2018.  With ``h = (x - mean) * rstd`` and ``rstd = 1 / sqrt(var + eps)`` over ``m``
elements, and ``k = g * weight``, all three share the gradient ``gx = rstd * (k - sum(k) / m - h * sum(k * h)
/ m)``.

Variances are sums of squared deviations from the mean, never differences of sums, which cancel.  Work runs on
blocks that stay in cache.  Statistics have the dtype of ``x``.
"""

from __future__ import annotations

import numpy as np

from .conv import column_sum
from .correlate import BLOCK_BYTES

__all__ = [
    "batch_norm_backward",
    "batch_norm_eval",
    "batch_norm_train",
    "group_norm",
    "group_norm_backward",
    "layer_norm",
    "layer_norm_backward",
]

# Several passes with a temporary each run over a block of rows, so these are smaller than those of one copy.
NORM_BLOCK_BYTES = BLOCK_BYTES // 4


def _last(x):
    """View of ``(N, C, *S)`` with channels last."""
    return x.transpose(0, *range(2, x.ndim), 1)


def _first(x):
    """View of ``(N, *S, C)`` with channels second."""
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


class _Channels:
    """``x`` ``(N, C, *S)`` as blocks along axis 0 with channels either last or second, whichever memory has.

    Channels last: ``(N * H, W * C)``, where whole image rows give ufuncs long inner loops over tiled vectors.
    Channels second: ``(N, C, positions)``.
    """

    def __init__(self, x):
        self.shape = x.shape
        n, c = x.shape[:2]
        self.channels = c
        self.last = x.ndim == 2 or _last(x).flags.c_contiguous or not x.flags.c_contiguous
        self.fold = x.shape[-1] if self.last and x.ndim > 2 else 1
        self.count = x.size // c if c else 0
        rows = self.count // max(1, self.fold) if self.last else n
        each = x.nbytes // max(1, rows)
        step = max(1, BLOCK_BYTES // max(1, each))
        self.blocks = [slice(i, min(i + step, rows)) for i in range(0, rows, step)] if x.size else []

    def arrange(self, x):
        """``x`` itself, or a gradient of its shape, in the form the blocks index."""
        if self.last:
            x = np.ascontiguousarray(_last(x))
            return x.reshape(-1, self.fold * self.channels) if x.size else x
        return np.ascontiguousarray(x).reshape(*self.shape[:2], -1)

    def empty(self, dtype):
        """An array for a result in that form, and the same memory as ``(N, C, *S)``."""
        if self.last:
            whole = np.empty((self.shape[0], *self.shape[2:], self.channels), dtype)
            return self.arrange(_first(whole)), _first(whole)
        whole = np.empty(self.shape, dtype)
        return self.arrange(whole), whole

    def spread(self, vector):
        """A vector of channels shaped to broadcast against blocks."""
        if not self.last:
            return vector[:, None]
        wide = np.empty((self.fold, vector.size), vector.dtype)
        wide[...] = vector
        return wide.reshape(-1)

    def sum(self, block):
        """Sum of a block over everything but channels."""
        if self.last:
            return column_sum(block).reshape(self.fold, self.channels).sum(axis=0)
        return block.sum(axis=2).sum(axis=0)


def batch_norm_train(x, weight, bias, *, eps):
    """Normalises ``x`` ``(N, C, *S)`` over all axes but the second: ``(y, mean, var, rstd)``.

    weight, bias: ``(C,)`` or None.  ``mean``, ``var`` (biased) and ``rstd`` are ``(C,)``.
    """
    form = _Channels(x)
    data = form.arrange(x)
    mean, squares, seen = np.zeros(form.channels, x.dtype), np.zeros(form.channels, x.dtype), 0
    for where in form.blocks:
        # Blocks are merged by the update of Chan, Golub and LeVeque (1979), so that memory is read once.
        block = data[where]
        count = block.size // form.channels
        center = form.sum(block) / count
        deviation = block - form.spread(center)
        np.multiply(deviation, deviation, out=deviation)
        shift, total = center - mean, seen + count
        squares += form.sum(deviation) + shift * shift * (seen * (count / total))
        mean += shift * (count / total)
        seen = total
    if not seen:
        mean[...] = squares[...] = np.nan
    var = squares / max(1, seen)
    rstd = 1 / np.sqrt(var + x.dtype.type(eps))
    return batch_norm_eval(x, weight, bias, mean=mean, rstd=rstd), mean, var, rstd


def batch_norm_eval(x, weight, bias, *, mean, rstd):
    """``(x - mean) * rstd * weight + bias`` per channel of ``x`` ``(N, C, *S)``; all four vectors are
    ``(C,)``."""
    form = _Channels(x)
    data, (result, y) = form.arrange(x), form.empty(x.dtype)
    scale = rstd if weight is None else rstd * weight
    offset = -mean * scale if bias is None else bias - mean * scale
    scale, offset = form.spread(scale), form.spread(offset)
    for where in form.blocks:
        target = result[where]
        np.multiply(data[where], scale, out=target)
        np.add(target, offset, out=target)
    return y


def batch_norm_backward(g, x, weight, mean, rstd, *, train):
    """Gradients ``(gx, gw, gb)`` of batch normalisation; ``g`` and ``x`` are ``(N, C, *S)``, the rest
    ``(C,)``.

    ``train`` tells whether mean and rstd came from ``x`` itself; if not, they are constants.
    """
    form = _Channels(x)
    data, grad, (result, gx) = form.arrange(x), form.arrange(g), form.empty(g.dtype)
    wide_mean = form.spread(mean)
    gw, gb = np.zeros(form.channels, g.dtype), np.zeros(form.channels, g.dtype)
    for where in form.blocks:
        block = grad[where]
        term = data[where] - wide_mean
        np.multiply(term, block, out=term)
        gw += form.sum(term)
        gb += form.sum(block)
    gw *= rstd
    scale = rstd if weight is None else rstd * weight
    wide_scale = form.spread(scale)
    if train:
        slope = form.spread(-scale * rstd * gw / max(1, form.count))
        level = form.spread(scale * (rstd * gw * mean - gb) / max(1, form.count))
    for where in form.blocks:
        target = result[where]
        np.multiply(grad[where], wide_scale, out=target)
        if train:
            term = data[where] * slope
            np.add(term, level, out=term)
            np.add(target, term, out=target)
    return gx, gw, gb


def _row_blocks(rows, width, itemsize):
    step = max(1, NORM_BLOCK_BYTES // max(1, width * itemsize))
    return [slice(i, min(i + step, rows)) for i in range(0, rows, step)]


def layer_norm(x, weight, bias, *, ndim, eps):
    """Normalises over the last ``ndim`` axes of ``x``: ``(y, mean, rstd)``.

    weight, bias: of the shape of those axes, or None.  ``mean`` and ``rstd`` have the shape of ``x`` with
    those axes of size 1.
    """
    lead, width = x.shape[: x.ndim - ndim], int(np.prod(x.shape[x.ndim - ndim :]))
    rows = int(np.prod(lead))
    data = np.ascontiguousarray(x).reshape(rows, width)
    y = np.empty_like(data)
    mean, rstd = np.empty((rows, 1), x.dtype), np.empty((rows, 1), x.dtype)
    average = np.full((width, 1), 1 / max(1, width), x.dtype)
    weight, bias = (None if v is None else v.reshape(-1) for v in (weight, bias))
    for where in _row_blocks(rows, width, x.itemsize):
        target = y[where]
        center = np.matmul(data[where], average, out=mean[where])
        np.subtract(data[where], center, out=target)
        var = np.vecdot(target, target)[:, None] * average.dtype.type(1 / max(1, width))
        scale = rstd[where]
        np.divide(1, np.sqrt(var + average.dtype.type(eps)), out=scale)
        np.multiply(target, scale, out=target)
        if weight is not None:
            np.multiply(target, weight, out=target)
        if bias is not None:
            np.add(target, bias, out=target)
    kept = (*lead, *(1,) * ndim)
    return y.reshape(x.shape), mean.reshape(kept), rstd.reshape(kept)


def layer_norm_backward(g, x, weight, mean, rstd, *, ndim):
    """Gradients ``(gx, gw, gb)`` of `layer_norm`; ``gw`` and ``gb`` are None where ``weight`` is None."""
    shape = x.shape[x.ndim - ndim :]
    width = int(np.prod(shape))
    rows = int(np.prod(x.shape[: x.ndim - ndim]))
    data, grad = (np.ascontiguousarray(a).reshape(rows, width) for a in (x, g))
    mean, rstd = mean.reshape(rows, 1), rstd.reshape(rows, 1)
    gx = np.empty_like(grad)
    average = np.full((width, 1), 1 / max(1, width), g.dtype)
    affine = weight is not None
    gw, gb = np.zeros(width, g.dtype), np.zeros(width, g.dtype)
    for where in _row_blocks(rows, width, g.itemsize):
        block, target = grad[where], gx[where]
        h = data[where] - mean[where]
        np.multiply(h, rstd[where], out=h)
        if affine:
            np.multiply(block, h, out=target)
            gw += column_sum(target)
            gb += column_sum(block)
            k = np.multiply(block, weight.reshape(-1), out=target)
        else:
            k = block
        along = np.vecdot(k, h)[:, None] * average.dtype.type(1 / max(1, width))
        level = np.matmul(k, average)
        np.multiply(h, along, out=h)
        np.subtract(k, h, out=target)
        np.subtract(target, level, out=target)
        np.multiply(target, rstd[where], out=target)
    return gx.reshape(g.shape), gw.reshape(shape) if affine else None, gb.reshape(shape) if affine else None


class _Groups:
    """``x`` ``(N, C, *S)`` as blocks of images, ``(n, positions, C)`` or ``(n, C, positions)`` as memory has
    it."""

    def __init__(self, x, num_groups):
        n, c = x.shape[:2]
        self.shape, self.groups, self.channels = x.shape, num_groups, c
        self.positions = x.size // max(1, n * c)
        self.last = x.ndim > 2 and _last(x).flags.c_contiguous
        step = max(1, NORM_BLOCK_BYTES // max(1, x.nbytes // max(1, n)))
        self.blocks = [slice(i, min(i + step, n)) for i in range(0, n, step)] if x.size else []
        self.count = c // num_groups * self.positions

    def arrange(self, x):
        x = np.ascontiguousarray(_last(x) if self.last else x)
        shape = (self.positions, self.channels) if self.last else (self.channels, self.positions)
        return x.reshape(self.shape[0], *shape)

    def restore(self, y):
        if self.last:
            y = y.reshape(self.shape[0], *self.shape[2:], self.channels)
            return _first(y)
        return y.reshape(self.shape)

    def sum(self, block):
        """Sum over positions: ``(n, C)``."""
        if self.last:
            return np.matmul(np.ones((1, self.positions), block.dtype), block)[:, 0]
        return block.sum(axis=2)

    def spread(self, values):
        """``(n, C)`` shaped to broadcast against a block."""
        return values[:, None, :] if self.last else values[:, :, None]

    def mean(self, sums):
        """Means of groups ``(n, G)`` from sums of channels ``(n, C)``."""
        return sums.reshape(len(sums), self.groups, -1).sum(axis=2) / max(1, self.count)

    def each(self, values):
        """``(n, C)`` from one value per group ``(n, G)``."""
        return np.repeat(values, self.channels // self.groups, axis=1)


def group_norm(x, weight, bias, *, num_groups, eps):
    """Normalises each of ``num_groups`` groups of channels of each image of ``x`` ``(N, C, *S)``.

    weight, bias: ``(C,)`` or None.  Returns ``(y, mean, rstd)`` with statistics ``(N, num_groups)``.
    """
    form = _Groups(x, num_groups)
    data = form.arrange(x)
    y = np.empty_like(data)
    mean, rstd = (np.full((x.shape[0], num_groups), np.nan, x.dtype) for _ in range(2))
    for where in form.blocks:
        block, target = data[where], y[where]
        mean[where] = form.mean(form.sum(block))
        np.subtract(block, form.spread(form.each(mean[where])), out=target)
        rstd[where] = 1 / np.sqrt(form.mean(form.sum(target * target)) + x.dtype.type(eps))
        scale = form.each(rstd[where])
        np.multiply(target, form.spread(scale if weight is None else scale * weight), out=target)
        if bias is not None:
            np.add(target, form.spread(bias[None]), out=target)
    return form.restore(y), mean, rstd


def group_norm_backward(g, x, weight, mean, rstd, *, num_groups):
    """Gradients ``(gx, gw, gb)`` of `group_norm`; ``gw`` and ``gb`` are ``(C,)`` whether or not weights
    exist."""
    form = _Groups(x, num_groups)
    data, grad = form.arrange(x), form.arrange(g)
    gx = np.empty_like(grad)
    gw, gb = np.zeros(form.channels, g.dtype), np.zeros(form.channels, g.dtype)
    for where in form.blocks:
        block, target = grad[where], gx[where]
        scale = form.each(rstd[where])
        h = data[where] - form.spread(form.each(mean[where]))
        np.multiply(h, form.spread(scale), out=h)
        along, level = form.sum(np.multiply(block, h, out=target)), form.sum(block)
        gw += along.sum(axis=0)
        gb += level.sum(axis=0)
        weighted = scale if weight is None else scale * weight
        if weight is not None:
            along, level = along * weight, level * weight
        np.multiply(h, form.spread(scale * form.each(form.mean(along))), out=h)
        np.multiply(block, form.spread(weighted), out=target)
        np.subtract(target, h, out=target)
        np.subtract(target, form.spread(scale * form.each(form.mean(level))), out=target)
    return form.restore(gx), gw, gb
