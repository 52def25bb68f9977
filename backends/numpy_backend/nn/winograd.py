"""Correlation with kernels of three rows, two rows of the result at a time, by four products instead of six.

The minimal filtering algorithm F(2, 3) (Winograd, 1980; Lavin and Gray, arXiv:1509.09308) along H alone: with rows
``d0 .. d3`` of the input, rows ``w0 .. w2`` of the kernel and products over W and channels,

    m0 = (d0 - d2) w0        m1 = (d1 + d2) (w0 + w1 + w2) / 2
    m3 = (d1 - d3) w2        m2 = (d2 - d1) (w0 - w1 + w2) / 2
    y0 = m0 + m1 + m2        y1 = m1 - m2 - m3

The kernel's gradient is the adjoint in the kernel of the same four products. Rounding errors are about 1.4 times those
of the direct sum. Where the input is not finite the differences would make NaN of an infinity, so such operands are left to
the direct arrangements.

Arrays are as in ``correlate.py``: ``(N, D, H, W, C)`` with D of size 1, columns along W copied block by block.
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from ..threads import shares, spread
from .scratch import empty, padded, strided, sum_in_order

__all__ = ["correlate_kernel_pairs", "correlate_pairs", "fits"]

BLOCK_BYTES = 1 << 19
# Input channels times output channels from which the products that are saved cost more than the sums before and after.
MIN_CHANNELS = 2048


def fits(x, features, kernel, size, stride, padding, dilation):
    """Whether the four products serve this geometry; an odd last row would have to be computed apart."""
    flat = x.shape[1] == size[0] == kernel[0] == 1 and padding[0] == 0
    return (flat and kernel[1] == 3 and stride[1] == dilation[1] == 1 and size[1] % 2 == 0
            and x.shape[-1] * features >= MIN_CHANNELS)


def is_tame(x):
    """Whether every element is finite and far from overflow."""
    flat = x.reshape(-1) if x.flags.c_contiguous else x.ravel(order="K")
    return isfinite(abs(np.vdot(flat, flat)))


def correlate_pairs(x, w, out, stride, padding, dilation):
    """As ``correlate`` of one group, where `fits`; False, and nothing done, where an operand is not tame."""
    if not is_tame(x) or not is_tame(w):
        return False
    rows = np.ascontiguousarray(w[:, :, 0].transpose(2, 3, 1, 0)).reshape(3, -1, w.shape[0])
    half = rows.dtype.type(0.5)
    ends, middle = (rows[0] + rows[2]) * half, rows[1] * half
    weights = rows[0], ends + middle, ends - middle, rows[2]

    def work(blocks):
        memory = {}
        for images, first, last in blocks:
            part = out[images, 0, first:last]
            columns = _columns(x[images], part.shape[1:3], w.shape[4], first, stride[2], padding, dilation[2], memory)
            shape = len(part), part.shape[1] // 2, *part.shape[2:]
            a, b = (empty(memory, name, shape, out.dtype) for name in ("a", "b"))
            flat_a, flat_b = (m.reshape(-1, shape[-1]) for m in (a, b))
            y0, y1 = part[:, 0::2], part[:, 1::2]
            np.matmul(columns(1), weights[1], out=flat_a)
            np.matmul(columns(2), weights[2], out=flat_b)
            np.add(a, b, out=y0)
            np.subtract(a, b, out=y1)
            np.matmul(columns(0), weights[0], out=flat_a)
            np.matmul(columns(3), weights[3], out=flat_b)
            np.add(y0, a, out=y0)
            np.subtract(y1, b, out=y1)

    spread(work, _shared_blocks(out, x.shape[-1] * w.shape[4] * x.itemsize))
    return True


def correlate_kernel_pairs(x, g, kernel, stride, padding, dilation):
    """Kernel gradient ``(3, KW * C, O)``, where `fits`; None where an operand is not tame."""
    if not is_tame(x) or not is_tame(g):
        return None
    depth, features = kernel[2] * x.shape[-1], g.shape[-1]

    def work(blocks):
        memory, total = {}, np.zeros((4, depth, features), x.dtype)
        for images, first, last in blocks:
            part = g[images, 0, first:last]
            columns = _columns(x[images], part.shape[1:3], kernel[2], first, stride[2], padding, dilation[2], memory)
            g0, g1 = part[:, 0::2], part[:, 1::2]
            combined = empty(memory, "combined", g0.shape, g.dtype)
            flat = combined.reshape(-1, features)
            for number, combine in enumerate((_first, np.add, np.subtract, _second)):
                combine(g0, g1, out=combined)
                total[number] += np.matmul(columns(number).T, flat)
        return total

    total = sum_in_order(spread(work, _shared_blocks(g, depth * x.itemsize)))
    ends, middle = total[1] + total[2], total[1] - total[2]
    half = total.dtype.type(0.5)
    ends *= half
    middle *= half
    return np.stack([total[0] + ends, middle, ends - total[3]])


def _first(a, b, out):
    np.copyto(out, a)


def _second(a, b, out):
    np.copyto(out, b)


def _shared_blocks(out, depth_bytes):
    """Per thread, slices of images and an even range of rows of the result, for columns of about `BLOCK_BYTES`."""
    count, _, rows, width, _ = out.shape
    pairs = rows // 2
    fit = max(1, BLOCK_BYTES // max(1, width * depth_bytes))
    if fit >= pairs:
        step = fit // pairs
        return [[(slice(i, min(i + step, part.stop)), 0, rows) for i in range(part.start, part.stop, step)]
                for part in shares(count)]
    step = 2 * -(-pairs // -(-pairs // fit))
    whole = [(slice(i, i + 1), r, min(r + step, rows)) for i in range(count) for r in range(0, rows, step)]
    return [[whole[i] for i in part] for part in shares(len(whole))]


def _columns(x, size, kernel, first, stride, padding, dilation, memory):
    """A function from the number of a product to its columns ``(positions, KW * C)``, valid until the next call."""
    rows, width = size
    reach = (width - 1) * stride + (kernel - 1) * dilation + 1
    x = padded(x[:, 0], (first - padding[1], -padding[2]), (rows + 2, reach), 1, memory, "padded")
    d = [x[:, j:j + rows - 1:2] for j in range(4)]
    line = empty(memory, "line", d[0].shape, x.dtype)
    n, pairs, _, channels = line.shape
    s = line.strides
    view = strided(line, (n, pairs, width, kernel, channels), (*s[:2], s[2] * stride, s[2] * dilation, s[3]))
    block = empty(memory, "columns", view.shape, x.dtype)
    flat = block.reshape(-1, kernel * channels)
    rules = (np.subtract, 0, 2), (np.add, 1, 2), (np.subtract, 2, 1), (np.subtract, 1, 3)

    def columns(number):
        combine, a, b = rules[number]
        combine(d[a], d[b], out=line)
        np.copyto(block, view)
        return flat

    return columns
