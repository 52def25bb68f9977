"""Correlation on blocks: the loops under `conv`.

Every array here has three spatial axes and channels last, ``(N, D, H, W, C)``, and a kernel is
``(O, C / groups, KD, KH, KW)``.  ``padding`` is the number of zeros before the first element, possibly
negative (a crop); the size of the result says how far reading goes on the other side, and what lies outside
reads as zero.

Work is cut into blocks of about one mebibyte, so that copied columns are still in cache when the matrix
product reads them.  A block is arranged in one of five ways:

* *point*: a kernel of one element needs no columns.
* *rows*: only the innermost kernel axis is unrolled into columns, and one product is accumulated per position
  of the outer kernel axes.  Copies least, and leaves out rows that lie in the padding.  Kernels of three rows take
  fewer products, by ``winograd.py``.
* *last*: the whole kernel is unrolled with channels innermost, one product.  For small images and for groups.
* *first*: the whole kernel is unrolled with positions innermost, so that copies run along image rows.  For
  few channels per group.
* *taps*: one multiply and one add per kernel element.  For depthwise kernels.
"""

from __future__ import annotations

import functools
from itertools import product
from math import prod

import numpy as np

from ..threads import shares, spread
from . import winograd
from .scratch import empty, padded, strided, sum_in_order

__all__ = ["BLOCK_BYTES", "FEW_CHANNELS", "blocks", "correlate", "correlate_kernel", "scatter_taps"]

BLOCK_BYTES = 1 << 20
# Columns of fewer bytes in all are not worth a second thread.
SHARE_BYTES = 1 << 21
# Up to this many channels per group, runs along image rows are longer than runs along channels.
FEW_CHANNELS = 4
# Below these sizes the products of the "rows" arrangement are too small to pay for their number.
ROWS_MIN_DEPTH = 32
ROWS_MIN_POSITIONS = 64


def correlate(x, w, out, stride, padding, dilation, groups):
    """Writes the correlation of ``x`` with ``w`` into ``out`` ``(N, OD, OH, OW, O)``, of any strides."""
    if out.size == 0:
        return
    if x.size == 0 or w.size == 0:
        out[...] = 0
        return
    kernel, size = w.shape[2:], out.shape[1:4]
    plan = _plan(x.shape[-1] // groups, w.shape[0] // groups, kernel, size, groups)
    if plan == "rows" and winograd.fits(x, w.shape[0], kernel, size, stride, padding, dilation):
        if winograd.correlate_pairs(x, w, out, stride, padding, dilation):
            return
    weights = _WEIGHTS[plan](w, groups)
    run = _RUN[plan]

    def work(part):
        memory = {}
        for i, j, a, b in part:
            start = padding[0], padding[1] - a * stride[1], padding[2]
            run(x[i:j], weights, out[i:j, :, a:b], kernel, stride, start, dilation, groups, memory)

    spread(work, shared_blocks(x.shape[0], size[1], _bytes_per_row(plan, x, kernel, size)))


def correlate_kernel(x, g, out, stride, padding, dilation, groups):
    """Writes the kernel gradient, from ``x`` and the gradient ``g`` of the result, into ``out``."""
    kernel, size = out.shape[2:], g.shape[1:4]
    channels, features = x.shape[-1] // groups, g.shape[-1] // groups
    plan = _plan(channels, features, kernel, size, groups)
    if plan == "rows" and winograd.fits(x, features, kernel, size, stride, padding, dilation):
        total = winograd.correlate_kernel_pairs(x, g, kernel, stride, padding, dilation)
        if total is not None:
            out[...] = total.reshape(*kernel, channels, features).transpose(4, 3, 0, 1, 2)
            return
    run = _RUN_KERNEL[plan]

    def work(part):
        memory, total = {}, np.zeros(_kernel_layout(plan, channels, features, kernel, groups), x.dtype)
        for i, j, a, b in part:
            start = padding[0], padding[1] - a * stride[1], padding[2]
            run(x[i:j], g[i:j, :, a:b], total, kernel, stride, start, dilation, groups, memory)
        return total

    total = sum_in_order(spread(work, shared_blocks(x.shape[0], size[1], _bytes_per_row(plan, x, kernel, size))))
    parts = out.reshape(groups, features, channels, *kernel)
    if plan == "rows":
        out[...] = total.reshape(*kernel, channels, features).transpose(4, 3, 0, 1, 2)
    elif plan in ("point", "last"):
        parts[...] = total.reshape(groups, *kernel, channels, features).transpose(0, 5, 4, 1, 2, 3)
    elif plan == "first":
        parts[...] = total.reshape(groups, channels, *kernel, features).transpose(0, 5, 1, 2, 3, 4)
    else:
        out[...] = total.T.reshape(out.shape)


def scatter_taps(g, w, shape, stride, padding, dilation, groups):
    """Input gradient of `correlate` for few channels per group: one product, then one add per kernel element.

    Returns an array of ``shape`` ``(N, D, H, W, C)`` with channels outermost in memory within an image.
    """
    n, channels = shape[0], shape[-1]
    kernel, size, features = w.shape[2:], g.shape[1:4], g.shape[-1]
    extent = [
        max(shape[a + 1] + padding[a], (size[a] - 1) * stride[a] + (kernel[a] - 1) * dilation[a] + 1)
        for a in range(3)
    ]
    gx = np.empty((n, channels, *shape[1:4]), g.dtype)
    weights = w.reshape(groups, features // groups, -1).swapaxes(1, 2)
    per_image = prod(size) * (w.shape[1] * groups * prod(kernel) + features) * g.dtype.itemsize
    for i, j, _, _ in blocks(n, 1, per_image):
        part = g[i:j].reshape(j - i, prod(size), groups, features // groups)
        columns = np.matmul(weights, part.transpose(0, 2, 3, 1))
        columns = columns.reshape(j - i, channels, *kernel, *size)
        padded = np.zeros((j - i, channels, *extent), g.dtype)
        for tap in product(*map(range, kernel)):
            where = tuple(
                slice(k * d, k * d + (q - 1) * s + 1, s)
                for k, d, q, s in zip(tap, dilation, size, stride, strict=True)
            )
            target = padded[(slice(None), slice(None), *where)]
            np.add(target, columns[(slice(None), slice(None), *tap)], out=target)
        inner = tuple(slice(p, p + s) for p, s in zip(padding, shape[1:4], strict=True))
        gx[i:j] = padded[(slice(None), slice(None), *inner)]
    return gx.transpose(0, 2, 3, 4, 1)


def blocks(images, rows, bytes_per_row):
    """Yields (first image, last, first row, last): whole images while they fit a block, else rows of one
    image."""
    fit = max(1, BLOCK_BYTES // max(1, bytes_per_row))
    if fit >= rows:
        step = max(1, fit // max(1, rows))
        for i in range(0, images, step):
            yield i, min(i + step, images), 0, rows
        return
    step = -(-rows // -(-rows // fit))
    for i in range(images):
        for r in range(0, rows, step):
            yield i, i + 1, r, min(r + step, rows)


def shared_blocks(images, rows, bytes_per_row):
    """The blocks of each thread: of a range of images where there are enough of them."""
    if images * rows * bytes_per_row < SHARE_BYTES:
        return [list(blocks(images, rows, bytes_per_row))]
    ranges = shares(images)
    if len(ranges) > 1:
        return [[(i + r.start, j + r.start, a, b) for i, j, a, b in blocks(len(r), rows, bytes_per_row)] for r in ranges]
    whole = list(blocks(images, rows, bytes_per_row))
    return [[whole[i] for i in r] for r in shares(len(whole))]


def _plan(channels, features, kernel, size, groups):
    """Name of the arrangement (see the top of the file)."""
    if groups > 1 and channels == 1 and features == 1:
        return "taps"
    if channels <= FEW_CHANNELS:
        return "first"
    if groups == 1 and prod(kernel) == 1:
        return "point"
    outer = groups == 1 and kernel[0] * kernel[1] > 1
    if outer and kernel[2] * channels >= ROWS_MIN_DEPTH and size[1] * size[2] >= ROWS_MIN_POSITIONS:
        return "rows"
    return "last"


def _bytes_per_row(plan, x, kernel, size):
    """Bytes of copied columns for one index of H of the result, over all of D and W."""
    unrolled = {"rows": kernel[2], "point": 1, "taps": 4}.get(plan, prod(kernel))
    return size[0] * size[2] * unrolled * x.shape[-1] * x.dtype.itemsize


def _kernel_layout(plan, channels, features, kernel, groups):
    if plan == "rows":
        return kernel[0], kernel[1], kernel[2] * channels, features
    if plan == "taps":
        return prod(kernel), groups
    return groups, prod(kernel) * channels, features


def _rows_weights(w, groups):
    o, c, kd, kh, kw = w.shape
    return np.ascontiguousarray(w.transpose(2, 3, 4, 1, 0)).reshape(kd, kh, kw * c, o)


def _last_weights(w, groups):
    o, c = w.shape[:2]
    w = w.reshape(groups, o // groups, c, *w.shape[2:]).transpose(0, 3, 4, 5, 2, 1)
    return np.ascontiguousarray(w).reshape(groups, -1, o // groups)


def _first_weights(w, groups):
    return w.reshape(groups, w.shape[0] // groups, -1).swapaxes(1, 2)


def _tap_weights(w, groups):
    return np.ascontiguousarray(w.reshape(groups, -1).T)


def _reach(size, kernel, stride, dilation):
    """Number of input positions between the first and the last one that ``size`` results read."""
    return tuple(
        (q - 1) * s + (k - 1) * d + 1 for q, k, s, d in zip(size, kernel, stride, dilation, strict=True)
    )


def _windows(x, kernel, size, stride, dilation, axis):
    """View with the kernel's three axes after the three spatial ones, which begin at ``axis``."""
    spatial = x.strides[axis : axis + 3]
    moves = tuple(b * s for b, s in zip(spatial, stride, strict=True))
    offsets = tuple(b * d for b, d in zip(spatial, dilation, strict=True))
    shape = (*x.shape[:axis], *size, *kernel, *x.shape[axis + 3 :])
    strides = (*x.strides[:axis], *moves, *offsets, *x.strides[axis + 3 :])
    return strided(x, shape, strides)


def _mergeable(y):
    """Whether H, W and the channels of ``y`` are one run of memory."""
    item = y.itemsize
    _, _, h, w, c = y.strides
    return (
        (c == item or y.shape[4] == 1) and w == y.shape[4] * item and (h == y.shape[3] * w or y.shape[2] == 1)
    )


def _merge(a):
    """``(n, d, h * w, c)`` from ``(n, d, h, w, c)``; a view where H, W and C are one run of memory."""
    return a.reshape(*a.shape[:2], a.shape[2] * a.shape[3], a.shape[4])


# --- rows ---------------------------------------------------------------------------------------------------


@functools.lru_cache(512)
def _row_geometry(limits, kernel, size, stride, padding, dilation):
    """How the rows of a block are read, for the axes D and H alone.

    Returns (classes, products). A class is one residue of the strides: (number, slices of D and H of the input).
    A product is (kd, kh, number of the class, slices of D and H within it, slices of D and H of the result that
    read them), those first that cover most of the result. Rows that lie in the padding are left out.
    """
    per_axis = [_row_classes(limits[a], kernel[a], size[a], stride[a], padding[a], dilation[a]) for a in (0, 1)]
    classes, held = [], {}
    for (rd, (d0, d1)), (rh, (h0, h1)) in product(per_axis[0].items(), per_axis[1].items()):
        held[rd, rh] = len(classes), (d0, h0), (d1 - d0, h1 - h0)
        begin = rd + d0 * stride[0] - padding[0], rh + h0 * stride[1] - padding[1]
        classes.append((len(classes), *(slice(b, b + (n - 1) * s + 1, s) for b, n, s in
                                        zip(begin, (d1 - d0, h1 - h0), stride, strict=False))))
    products = []
    for taps in product(range(kernel[0]), range(kernel[1])):
        q, r = zip(*(divmod(t * d, s) for t, d, s in zip(taps, dilation, stride, strict=False)), strict=True)
        if r not in held:
            continue
        number, first, rows = held[r]
        shift = [i - f for i, f in zip(q, first, strict=True)]
        reads = [(max(0, -i), min(n, m - i)) for i, n, m in zip(shift, size, rows, strict=False)]
        if all(stop > start for start, stop in reads):
            source = (slice(start + i, stop + i) for i, (start, stop) in zip(shift, reads, strict=True))
            products.append((*taps, number, *source, *(slice(*read) for read in reads)))
    products.sort(key=lambda p: (p[5].start - p[5].stop) * (p[6].stop - p[6].start))
    return tuple(classes), tuple(products)


def _row_classes(limit, kernel, size, stride, padding, dilation):
    """Dict from residue to the range of row indices within it that results of this block read and that
    exist."""
    reads = {}
    for k in range(kernel):
        q, r = divmod(k * dilation, stride)
        first, last = reads.get(r, (q, q))
        reads[r] = min(first, q), max(last, q)
    classes = {}
    for r, (first, last) in reads.items():
        begin = max(first, -(-(padding - r) // stride))
        end = min(last + size, (limit - 1 + padding - r) // stride + 1)
        if end > begin:
            classes[r] = begin, end
    return classes


def _row_columns(x, kernel, size, stride, padding, dilation, memory):
    """Columns along W ``(n, rows of D, rows of H, OW, KW * C)``, one array per class of rows, and the products that
    read them (see `_row_geometry`)."""
    channels = x.shape[-1]
    width = (size[2] - 1) * stride[2] + (kernel[2] - 1) * dilation[2] + 1
    classes, products = _row_geometry(x.shape[1:3], kernel[:2], size[:2], stride[:2], padding[:2], dilation[:2])
    columns = []
    for number, d, h in classes:
        rows = padded(x[:, d, h], (-padding[2],), (width,), 3, memory, "rows")
        s = rows.strides
        shape = (*rows.shape[:3], size[2], kernel[2], channels)
        view = strided(rows, shape, (*s[:3], s[3] * stride[2], s[3] * dilation[2], s[4]))
        block = empty(memory, number, shape, x.dtype)
        np.copyto(block, view)
        columns.append(block.reshape(*shape[:4], -1))
    return columns, products


def _run_rows(x, weights, out, kernel, stride, padding, dilation, groups, memory):
    columns, products = _row_columns(x, kernel, out.shape[1:4], stride, padding, dilation, memory)
    result = out if _mergeable(out) else empty(memory, "result", out.shape, out.dtype)
    # A product that covers the whole block can write it; the others are added.
    written = False
    for kd, kh, number, source_d, source_h, d, h in products:
        source, target = columns[number][:, source_d, source_h], result[:, d, h]
        if not written:
            written = True
            if target.shape == result.shape:
                np.matmul(_merge(source), weights[kd, kh], out=_merge(target))
                continue
            result[...] = 0
        term = empty(memory, "term", target.shape, out.dtype)
        np.matmul(_merge(source), weights[kd, kh], out=_merge(term))
        np.add(target, term, out=target)
    if not written:
        result[...] = 0
    if result is not out:
        out[...] = result


def _run_kernel_rows(x, g, total, kernel, stride, padding, dilation, groups, memory):
    columns, products = _row_columns(x, kernel, g.shape[1:4], stride, padding, dilation, memory)
    if not _mergeable(g):
        copy = empty(memory, "gradient", g.shape, g.dtype)
        copy[...] = g
        g = copy
    for kd, kh, number, source_d, source_h, d, h in products:
        source = _merge(columns[number][:, source_d, source_h])
        total[kd, kh] += np.add.reduce(np.matmul(source.swapaxes(2, 3), _merge(g[:, d, h])), axis=(0, 1))


# --- point and last -----------------------------------------------------------------------------------------


def _last_columns(x, kernel, size, stride, padding, dilation, groups, memory):
    """Columns ``(groups, positions, KD * KH * KW * C / groups)``."""
    n, channels = x.shape[0], x.shape[-1]
    start = tuple(-p for p in padding)
    x = padded(x, start, _reach(size, kernel, stride, dilation), 1, memory, "padded")
    view = _windows(x, kernel, size, stride, dilation, 1)
    view = view.reshape(*view.shape[:-1], groups, channels // groups) if groups > 1 else view[..., None, :]
    view = np.moveaxis(view, -2, 0)
    if view.flags.c_contiguous:
        block = view
    else:
        block = empty(memory, "columns", view.shape, x.dtype)
        np.copyto(block, view)
    return block.reshape(groups, n * prod(size), -1)


def _grouped(y, groups, memory):
    """``(groups, positions, channels / groups)`` of ``(n, d, h, w, channels)``; a view where memory
    allows."""
    if not y.flags.c_contiguous:
        copy = empty(memory, "grouped", y.shape, y.dtype)
        copy[...] = y
        y = copy
    return y.reshape(-1, groups, y.shape[-1] // groups).swapaxes(0, 1)


def _run_columns(arrange):
    def run(x, weights, out, kernel, stride, padding, dilation, groups, memory):
        columns = arrange(x, kernel, out.shape[1:4], stride, padding, dilation, groups, memory)
        if groups == 1 and out.flags.c_contiguous:
            np.matmul(columns[0], weights[0], out=out.reshape(-1, out.shape[-1]))
            return
        result = np.matmul(columns, weights).swapaxes(0, 1)
        out[...] = result.reshape(out.shape)

    return run


def _run_kernel_columns(arrange):
    def run(x, g, total, kernel, stride, padding, dilation, groups, memory):
        columns = arrange(x, kernel, g.shape[1:4], stride, padding, dilation, groups, memory)
        total += np.matmul(columns.swapaxes(1, 2), _grouped(g, groups, memory))

    return run


# --- first --------------------------------------------------------------------------------------------------


def _first_columns(x, kernel, size, stride, padding, dilation, groups, memory):
    """Columns ``(groups, positions, C / groups * KD * KH * KW)``, as a view of memory with positions
    innermost."""
    n, channels = x.shape[0], x.shape[-1]
    x = x.transpose(0, 4, 1, 2, 3)
    start = tuple(-p for p in padding)
    x = padded(x, start, _reach(size, kernel, stride, dilation), 2, memory, "padded")
    view = _windows(x, kernel, size, stride, dilation, 2).transpose(1, 5, 6, 7, 0, 2, 3, 4)
    block = empty(memory, "columns", view.shape, x.dtype)
    np.copyto(block, view)
    return block.reshape(groups, channels // groups * prod(kernel), n * prod(size)).swapaxes(1, 2)


# --- taps ---------------------------------------------------------------------------------------------------


def _tap_views(x, kernel, size, stride, padding, dilation, memory):
    start = tuple(-p for p in padding)
    x = padded(x, start, _reach(size, kernel, stride, dilation), 1, memory, "padded")
    view = _windows(x, kernel, size, stride, dilation, 1)
    for number, (kd, kh, kw) in enumerate(product(*map(range, kernel))):
        yield number, view[:, :, :, :, kd, kh, kw]


def _run_taps(x, weights, out, kernel, stride, padding, dilation, groups, memory):
    size = out.shape[1:4]
    result = empty(memory, "result", out.shape, out.dtype)
    term = empty(memory, "term", out.shape, out.dtype)
    # A kernel element repeated along W lets the multiplication run over whole rows.
    rows = np.repeat(weights[:, None], size[2], axis=1)
    for number, view in _tap_views(x, kernel, size, stride, padding, dilation, memory):
        if number == 0:
            np.multiply(view, rows[number], out=result)
        else:
            np.multiply(view, rows[number], out=term)
            np.add(result, term, out=result)
    out[...] = result


def _run_kernel_taps(x, g, total, kernel, stride, padding, dilation, groups, memory):
    term = empty(memory, "term", g.shape, g.dtype)
    ones = np.ones(prod(g.shape[:4]), g.dtype)
    for number, view in _tap_views(x, kernel, g.shape[1:4], stride, padding, dilation, memory):
        np.multiply(view, g, out=term)
        total[number] += np.matmul(ones, term.reshape(-1, groups))


_WEIGHTS = {
    "point": _last_weights,
    "rows": _rows_weights,
    "last": _last_weights,
    "first": _first_weights,
    "taps": _tap_weights,
}
_RUN = {
    "point": _run_columns(_last_columns),
    "rows": _run_rows,
    "last": _run_columns(_last_columns),
    "first": _run_columns(_first_columns),
    "taps": _run_taps,
}
_RUN_KERNEL = {
    "point": _run_kernel_columns(_last_columns),
    "rows": _run_kernel_rows,
    "last": _run_kernel_columns(_last_columns),
    "first": _run_kernel_columns(_first_columns),
    "taps": _run_kernel_taps,
}
