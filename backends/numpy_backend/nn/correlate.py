"""Correlation on blocks: the loops under `conv`.

Every array here has three spatial axes and channels last, ``(N, D, H, W, C)``, and a kernel is
``(O, C / groups, KD, KH, KW)``.  ``padding`` is the number of zeros before the first element, possibly
negative (a crop); the size of the result says how far reading goes on the other side, and what lies outside
reads as zero.

Work is cut into blocks of about one mebibyte, so that copied columns are still in cache when the matrix
product reads them.  A block is arranged in one of five ways:

* *point*: a kernel of one element needs no columns.
* *rows*: only the innermost kernel axis is unrolled into columns, and one product is accumulated per position
  of the outer kernel axes.  Copies least, and leaves out rows that lie in the padding.
* *last*: the whole kernel is unrolled with channels innermost, one product.  For small images and for groups.
* *first*: the whole kernel is unrolled with positions innermost, so that copies run along image rows.  For
  few channels per group.
* *taps*: one multiply and one add per kernel element.  For depthwise kernels.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["BLOCK_BYTES", "FEW_CHANNELS", "blocks", "correlate", "correlate_kernel", "scatter_taps"]

BLOCK_BYTES = 1 << 20
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
    weights = _WEIGHTS[plan](w, groups)
    run = _RUN[plan]
    per_row = _bytes_per_row(plan, x, kernel, size)
    memory = {}
    for i, j, a, b in blocks(x.shape[0], size[1], per_row):
        start = padding[0], padding[1] - a * stride[1], padding[2]
        run(x[i:j], weights, out[i:j, :, a:b], kernel, stride, start, dilation, groups, memory)


def correlate_kernel(x, g, kernel, stride, padding, dilation, groups):
    """Kernel gradient ``(O, C / groups, KD, KH, KW)`` from ``x`` and the gradient ``g`` of the result."""
    size = g.shape[1:4]
    channels, features = x.shape[-1] // groups, g.shape[-1] // groups
    plan = _plan(channels, features, kernel, size, groups)
    run = _RUN_KERNEL[plan]
    total = np.zeros(_kernel_layout(plan, channels, features, kernel, groups), x.dtype)
    memory = {}
    for i, j, a, b in blocks(x.shape[0], size[1], _bytes_per_row(plan, x, kernel, size)):
        start = padding[0], padding[1] - a * stride[1], padding[2]
        run(x[i:j], g[i:j, :, a:b], total, kernel, stride, start, dilation, groups, memory)
    if plan == "rows":
        total = total.reshape(*kernel, channels, features).transpose(4, 3, 0, 1, 2)
    elif plan in ("point", "last"):
        total = total.reshape(groups, *kernel, channels, features).transpose(0, 5, 4, 1, 2, 3)
    elif plan == "first":
        total = total.reshape(groups, channels, *kernel, features).transpose(0, 5, 1, 2, 3, 4)
    else:
        total = total.T
    return np.ascontiguousarray(total).reshape(groups * features, channels, *kernel)


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


def _empty(memory, name, shape, dtype):
    """An uninitialised array of ``shape``, from the memory of an earlier block where that is large enough."""
    count = prod(shape)
    held = memory.get(name)
    if held is None or held.size < count:
        held = memory[name] = np.empty(count, dtype)
    return held[:count].reshape(shape)


def _padded(x, start, extent, axis, memory, name):
    """``x[start : start + extent]`` along consecutive axes from ``axis``, with zeros outside.

    A view of ``x`` where nothing lies outside and its last axis is contiguous.  Otherwise a C-ordered copy,
    kept in ``memory`` with its zero borders for the next block that has the same ones.
    """
    inner, target, shape = [slice(None)] * x.ndim, [slice(None)] * x.ndim, list(x.shape)
    inside, borders = True, []
    for a, (s, e) in enumerate(zip(start, extent, strict=True), axis):
        lo = min(max(s, 0), x.shape[a])
        hi = max(min(s + e, x.shape[a]), lo)
        inner[a], target[a], shape[a] = slice(lo, hi), slice(lo - s, hi - s), e
        inside = inside and hi - lo == e
        borders.append((lo - s, hi - s))
    source = x[tuple(inner)]
    if inside and (source.strides[-1] == x.itemsize or source.shape[-1] == 1):
        return source
    key = name, tuple(shape[1:]), tuple(borders)
    held = memory.get(key)
    if held is None or held.shape[0] < x.shape[0]:
        held = memory[key] = np.zeros(shape, x.dtype)
    held = held[: x.shape[0]]
    held[tuple(target)] = source
    return held


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
    return as_strided(x, shape, strides, writeable=False)


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


def _row_columns(x, kernel, size, stride, padding, dilation, memory):
    """Columns along W, one array per residue class of the strides of D and H.

    Returns a dict from ``(residue of D, of H)`` to (columns ``(n, rows of D, rows of H, OW, KW * C)``, index
    within the class of the first row of D, of H).  Rows that lie in the padding are left out.
    """
    n, channels = x.shape[0], x.shape[-1]
    width = (size[2] - 1) * stride[2] + (kernel[2] - 1) * dilation[2] + 1
    classes_d, classes_h = (
        _row_classes(x.shape[a + 1], kernel[a], size[a], stride[a], padding[a], dilation[a]) for a in (0, 1)
    )
    columns = {}
    for (rd, (d0, d1)), (rh, (h0, h1)) in product(classes_d.items(), classes_h.items()):
        base_d, base_h = rd + d0 * stride[0] - padding[0], rh + h0 * stride[1] - padding[1]
        rows = x[
            :,
            base_d : base_d + (d1 - d0 - 1) * stride[0] + 1 : stride[0],
            base_h : base_h + (h1 - h0 - 1) * stride[1] + 1 : stride[1],
        ]
        rows = _padded(rows, (-padding[2],), (width,), 3, memory, "rows")
        view = _windows(
            rows, (1, 1, kernel[2]), (*rows.shape[1:3], size[2]), (1, 1, stride[2]), (1, 1, dilation[2]), 1
        )
        block = _empty(memory, (rd, rh), (n, d1 - d0, h1 - h0, size[2], kernel[2] * channels), x.dtype)
        np.copyto(block.reshape(view.shape), view)
        columns[rd, rh] = block, d0, h0
    return columns


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


def _row_products(columns, kernel, size, stride, dilation):
    """Yields (kd, kh, the columns read there, slices of D and H of the result that read them)."""
    for kd, kh in product(range(kernel[0]), range(kernel[1])):
        qd, rd = divmod(kd * dilation[0], stride[0])
        qh, rh = divmod(kh * dilation[1], stride[1])
        if (rd, rh) not in columns:
            continue
        block, d0, h0 = columns[rd, rh]
        qd, qh = qd - d0, qh - h0
        d = slice(max(0, -qd), min(size[0], block.shape[1] - qd))
        h = slice(max(0, -qh), min(size[1], block.shape[2] - qh))
        if d.stop > d.start and h.stop > h.start:
            yield kd, kh, block[:, d.start + qd : d.stop + qd, h.start + qh : h.stop + qh], d, h


def _run_rows(x, weights, out, kernel, stride, padding, dilation, groups, memory):
    size = out.shape[1:4]
    columns = _row_columns(x, kernel, size, stride, padding, dilation, memory)
    result = out if _mergeable(out) else _empty(memory, "result", out.shape, out.dtype)
    # A product that covers the whole block can write it; the others are added.
    parts = sorted(
        _row_products(columns, kernel, size, stride, dilation),
        key=lambda p: (p[3].stop - p[3].start) * (p[4].stop - p[4].start),
        reverse=True,
    )
    written = False
    for kd, kh, source, d, h in parts:
        target = result[:, d, h]
        if not written:
            if target.shape == result.shape:
                np.matmul(_merge(source), weights[kd, kh], out=_merge(target))
                written = True
                continue
            result[...] = 0
            written = True
        term = _empty(memory, "term", target.shape, out.dtype)
        np.matmul(_merge(source), weights[kd, kh], out=_merge(term))
        np.add(target, term, out=target)
    if not written:
        result[...] = 0
    if result is not out:
        out[...] = result


def _run_kernel_rows(x, g, total, kernel, stride, padding, dilation, groups, memory):
    size = g.shape[1:4]
    columns = _row_columns(x, kernel, size, stride, padding, dilation, memory)
    if not _mergeable(g):
        copy = _empty(memory, "gradient", g.shape, g.dtype)
        copy[...] = g
        g = copy
    for kd, kh, source, d, h in _row_products(columns, kernel, size, stride, dilation):
        total[kd, kh] += np.matmul(_merge(source).swapaxes(2, 3), _merge(g[:, d, h])).sum(axis=(0, 1))


# --- point and last -----------------------------------------------------------------------------------------


def _last_columns(x, kernel, size, stride, padding, dilation, groups, memory):
    """Columns ``(groups, positions, KD * KH * KW * C / groups)``."""
    n, channels = x.shape[0], x.shape[-1]
    start = tuple(-p for p in padding)
    x = _padded(x, start, _reach(size, kernel, stride, dilation), 1, memory, "padded")
    view = _windows(x, kernel, size, stride, dilation, 1)
    view = view.reshape(*view.shape[:-1], groups, channels // groups) if groups > 1 else view[..., None, :]
    view = np.moveaxis(view, -2, 0)
    if view.flags.c_contiguous:
        block = view
    else:
        block = _empty(memory, "columns", view.shape, x.dtype)
        np.copyto(block, view)
    return block.reshape(groups, n * prod(size), -1)


def _grouped(y, groups, memory):
    """``(groups, positions, channels / groups)`` of ``(n, d, h, w, channels)``; a view where memory
    allows."""
    if not y.flags.c_contiguous:
        copy = _empty(memory, "grouped", y.shape, y.dtype)
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
    x = _padded(x, start, _reach(size, kernel, stride, dilation), 2, memory, "padded")
    view = _windows(x, kernel, size, stride, dilation, 2).transpose(1, 5, 6, 7, 0, 2, 3, 4)
    block = _empty(memory, "columns", view.shape, x.dtype)
    np.copyto(block, view)
    return block.reshape(groups, channels // groups * prod(kernel), n * prod(size)).swapaxes(1, 2)


# --- taps ---------------------------------------------------------------------------------------------------


def _tap_views(x, kernel, size, stride, padding, dilation, memory):
    start = tuple(-p for p in padding)
    x = _padded(x, start, _reach(size, kernel, stride, dilation), 1, memory, "padded")
    view = _windows(x, kernel, size, stride, dilation, 1)
    for number, (kd, kh, kw) in enumerate(product(*map(range, kernel))):
        yield number, view[:, :, :, :, kd, kh, kw]


def _run_taps(x, weights, out, kernel, stride, padding, dilation, groups, memory):
    size = out.shape[1:4]
    result = _empty(memory, "result", out.shape, out.dtype)
    term = _empty(memory, "term", out.shape, out.dtype)
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
    term = _empty(memory, "term", g.shape, g.dtype)
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
