"""Layers and losses by hand in NumPy: forward passes and derivatives. Images are (N, H, W, C), channels last."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

BLOCK_BYTES = 1 << 20  # of copied columns at a time: what a second-level cache holds


def cross_entropy(logits, labels):
    """Mean cross entropy of rows of logits, which are overwritten with its gradient; returns the loss."""
    rows = np.arange(len(labels))
    logits -= logits.max(1, keepdims=True)
    picked = logits[rows, labels]
    np.exp(logits, out=logits)
    total = logits.sum(1, keepdims=True)
    loss = float(np.mean(np.log(total[:, 0]) - picked))
    logits /= total
    logits[rows, labels] -= 1
    logits /= np.float32(len(labels))
    return loss


def column_sums(x, out=None):
    """Sums over all axes but the last, as a matrix product, which reads memory in order."""
    rows = x.reshape(-1, x.shape[-1])
    return np.matmul(np.ones(len(rows), x.dtype), rows, out=out)


def pad(x, p):
    """Images with p rows and columns of zeros around."""
    if not p:
        return x
    n, h, w, c = x.shape
    out = np.zeros((n, h + 2 * p, w + 2 * p, c), x.dtype)
    out[:, p:-p, p:-p] = x
    return out


class Conv:
    """A convolution without bias of padded images, stride and square kernel, by products of copied columns.

    At stride 1 the columns of one kernel row are copied, once for every row of the images, and each kernel row
    multiplies a shifted run of them. Narrow images and larger strides copy the columns of the whole kernel.
    """

    def __init__(self, kernel, stride=1, padding=0):
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def _blocks(self, x, width):
        """Slices of images whose columns of ``width`` values a pixel fit the cache."""
        n, h, w, _ = x.shape
        many = max(1, BLOCK_BYTES // (4 * h * w * width // self.stride ** 2))
        return [slice(i, min(i + many, n)) for i in range(0, n, many)]

    def _size(self, x):
        return tuple((s - self.kernel) // self.stride + 1 for s in x.shape[1:3])

    def _row_columns(self, x, wo):
        """(n, H, wo, kernel * C): the windows along one row of pixels."""
        n, h, w, c = x.shape
        s = x.itemsize
        return np.ascontiguousarray(as_strided(x, (n, h, wo, self.kernel * c), (h * w * c * s, w * c * s, c * s, s)))

    def _columns(self, x, ho, wo):
        """(n, ho * wo, kernel * kernel * C): the windows."""
        n, h, w, c = x.shape
        k, s = self.kernel, self.stride
        pixel = c * x.itemsize
        windows = as_strided(x, (n, ho, wo, k, k * c), (h * w * pixel, s * w * pixel, s * pixel, w * pixel, x.itemsize))
        return windows.reshape(n, ho * wo, k * k * c)

    def _by_rows(self, channels):
        return self.stride == 1 and self.kernel > 1 and channels >= 8

    def forward(self, x, weight):
        """(N, H, W, C), contiguous, and (kernel, kernel, C, O) to (N, Ho, Wo, O); also what backward needs."""
        x = pad(x, self.padding)
        n, _, _, c = x.shape
        k, o = self.kernel, weight.shape[-1]
        ho, wo = self._size(x)
        out = np.empty((n, ho * wo, o), np.float32)
        if self._by_rows(c):
            rows = weight.reshape(k, k * c, o)
            for part in self._blocks(x, k * c):
                columns = self._row_columns(x[part], wo)
                m, y = len(columns), out[part]
                np.matmul(columns[:, :ho].reshape(m, ho * wo, k * c), rows[0], out=y)
                scratch = np.empty_like(y)
                for i in range(1, k):
                    for image in range(m):
                        np.matmul(columns[image, i:i + ho].reshape(ho * wo, k * c), rows[i], out=scratch[image])
                    y += scratch
        else:
            flat = weight.reshape(k * k * c, o)
            for part in self._blocks(x, k * k * c):
                np.matmul(self._columns(x[part], ho, wo), flat, out=out[part])
        return out.reshape(n, ho, wo, o), x

    def weight_gradient(self, x, g, out):
        """The gradient of the weight, written to ``out``; ``x`` is what forward gave."""
        n, _, _, c = x.shape
        k, o = self.kernel, g.shape[-1]
        ho, wo = self._size(x)
        g = g.reshape(n, ho * wo, o)
        out[...] = 0
        if self._by_rows(c):
            rows = out.reshape(k, k * c, o)
            for part in self._blocks(x, k * c):
                columns = self._row_columns(x[part], wo)
                for image, grad in zip(columns, g[part], strict=True):
                    for i in range(k):
                        rows[i] += image[i:i + ho].reshape(ho * wo, k * c).T @ grad
        else:
            flat = out.reshape(k * k * c, o)
            for part in self._blocks(x, k * k * c):
                columns = self._columns(x[part], ho, wo).reshape(-1, k * k * c)
                flat += columns.T @ g[part].reshape(-1, o)

    def input_gradient(self, g, weight, size):
        """The gradient of images of ``size`` rows and columns: a convolution of g, spread out and padded, with the
        turned kernel."""
        n, ho, wo, o = g.shape
        k, s, p = self.kernel, self.stride, self.padding
        if s > 1 and k == 1:
            out = np.zeros((n, *size, weight.shape[2]), np.float32)
            out[:, ::s, ::s] = g @ weight.reshape(-1, o).T
            return out
        border = k - 1 - p
        spread = np.zeros((n, size[0] + 2 * p - k + 1 + 2 * border, size[1] + 2 * p - k + 1 + 2 * border, o), np.float32)
        spread[:, border:border + s * ho:s, border:border + s * wo:s] = g
        turned = np.ascontiguousarray(weight[::-1, ::-1].transpose(0, 1, 3, 2))
        return Conv(k).forward(spread, turned)[0]


def channels_last(weight):
    """PyTorch's (O, C, kernel, kernel) as (kernel, kernel, C, O)."""
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0))


def max_pool2(x):
    """The largest of every 2 by 2 pixels of images of even size."""
    out = np.maximum(x[:, ::2, ::2], x[:, 1::2, ::2])
    np.maximum(out, x[:, ::2, 1::2], out=out)
    return np.maximum(out, x[:, 1::2, 1::2], out=out)


def max_pool2_backward(g, x, y):
    """The gradient of the pooled images ``x``. Equal largest pixels each get it, so ``g`` must be zero where they can
    be equal, as it is after a ReLU in front of the pooling."""
    out = np.empty_like(x)
    for i in (0, 1):
        for j in (0, 1):
            np.multiply(g, x[:, i::2, j::2] == y, out=out[:, i::2, j::2])
    return out
