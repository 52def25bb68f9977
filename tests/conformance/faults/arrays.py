"""Faults of reductions, scans, sorting, shapes, views and indexing."""

from __future__ import annotations

import numpy as np

from .fault import kernel, quiet

# Reductions, scans, sorting.


@kernel("sum", "bytes accumulate in bytes")
def _(right, x, *, axis, keepdims=False):
    if x.dtype == np.uint8:
        return np.sum(x, axis=axis, keepdims=keepdims, dtype=np.uint8).astype(np.int64)
    return right(x, axis=axis, keepdims=keepdims)


@kernel("sum", "a running sum in single precision")
def _(right, x, *, axis, keepdims=False):
    if x.dtype == np.float32 and len(axis) == 1:
        y = np.add.accumulate(x, axis[0]).take([-1], axis[0])
        return y if keepdims else y.squeeze(axis[0])
    return right(x, axis=axis, keepdims=keepdims)


@kernel("prod", "keepdims ignored")
def _(right, x, *, axis, keepdims=False):
    return right(x, axis=axis)


@kernel("max", "nan swallowed")
@quiet
def _(right, x, *, axis, keepdims=False):
    return (
        np.asarray(np.fmax.reduce(x, axis=axis, keepdims=keepdims))
        if x.dtype.kind == "f" and x.size
        else right(x, axis=axis, keepdims=keepdims)
    )


@kernel("min", "nothing gives infinity instead of an error")
def _(right, x, *, axis, keepdims=False):
    try:
        return right(x, axis=axis, keepdims=keepdims)
    except IndexError:
        return np.full([n for i, n in enumerate(x.shape) if i not in axis], np.inf)


@kernel("any", "nan is false")
def _(right, x, *, axis, keepdims=False):
    return right(np.nan_to_num(x, nan=0.0) if x.dtype.kind == "f" else x, axis=axis, keepdims=keepdims)


@kernel("argmax", "the last of equals")
def _(right, x, *, axis, keepdims=False):
    return x.shape[axis] - 1 - right(np.flip(x, axis), axis=axis, keepdims=keepdims) if x.ndim else right(x, axis=axis)


@kernel("argmin", "int32")
def _(right, x, *, axis, keepdims=False):
    return right(x, axis=axis, keepdims=keepdims).astype(np.int32)


@kernel("cumsum", "exclusive")
def _(right, x, *, axis):
    y = right(x, axis=axis)
    return y - x.astype(y.dtype)


@kernel("sort", "not stable")
def _(right, x, *, axis, descending=False):
    values, order = right(np.flip(x, axis), axis=axis, descending=descending) if x.ndim and x.size else right(x, axis=axis)
    return values, (x.shape[axis] - 1 - order) if x.ndim and x.size else order


@kernel("sort", "descending puts nan last")
def _(right, x, *, axis, descending=False):
    values, order = right(x, axis=axis, descending=descending)
    if descending and x.dtype.kind == "f" and x.ndim and np.isnan(values).any():
        places = np.argsort(np.isnan(values), axis=axis, kind="stable")
        return np.take_along_axis(values, places, axis), np.take_along_axis(order, places, axis)
    return values, order


@kernel("topk", "one too few")
def _(right, x, *, count, axis, largest=True):
    return right(x, count=max(0, count - 1), axis=axis, largest=largest)


@kernel("var_mean", "the correction ignored")
def _(right, x, *, axis, correction=1, keepdims=False):
    return right(x, axis=axis, correction=0, keepdims=keepdims)


@kernel("var_mean", "as the mean of squares less the square of the mean")
def _(right, x, *, axis, correction=1, keepdims=False):
    _, mean = right(x, axis=axis, correction=correction, keepdims=keepdims)
    n = np.prod([x.shape[i] for i in axis])
    square = np.mean(np.abs(x) ** 2, axis=axis, keepdims=keepdims) - np.abs(mean) ** 2
    with np.errstate(all="ignore"):
        return np.asarray(square * n / (n - correction)).astype(x.real.dtype), mean


@kernel("norm", "the order ignored")
def _(right, x, *, p, axis, keepdims=False):
    return right(x, p=2, axis=axis, keepdims=keepdims)


# Shape and views.


@kernel("permute", "the inverse permutation")
def _(right, x, *, axes):
    return right(x, axes=tuple(np.argsort(axes)))


@kernel("reshape", "Fortran order")
def _(right, x, *, shape):
    return x.reshape(shape, order="F")


@kernel("slice", "the step ignored")
def _(right, x, *, start, stop, step):
    sizes = [len(range(a, b, s)) for a, b, s in zip(start, stop, step, strict=True)]
    return right(x, start=start, stop=tuple(a + n for a, n in zip(start, sizes, strict=True)), step=(1,) * len(step))


@kernel("slice", "a copy instead of a view")
def _(right, x, *, start, stop, step):
    return right(x, start=start, stop=stop, step=step).copy()


@kernel("pad", "one off on the far side")
def _(right, x, *, lo, hi, value=0):
    return np.roll(right(x, lo=lo, hi=hi, value=value), 1, axis=-1) if sum(lo) else right(x, lo=lo, hi=hi, value=value)


@kernel("pad", "negative amounts ignored")
def _(right, x, *, lo, hi, value=0):
    return right(x, lo=[max(0, v) for v in lo], hi=[max(0, v) for v in hi], value=value)


@kernel("flip", "only the first axis")
def _(right, x, *, axis):
    return right(x, axis=axis[:1])


@kernel("concat", "operands in reverse")
def _(right, *xs, axis):
    return right(*xs[::-1], axis=axis)


@kernel("tril", "one diagonal too many")
def _(right, x, *, diagonal=0):
    return right(x, diagonal=diagonal + 1)


@kernel("diagonal", "the axes swapped")
def _(right, x, *, offset, axis1, axis2):
    return right(x, offset=offset, axis1=axis2, axis2=axis1)


@kernel("unfold_dim", "windows do not overlap")
def _(right, x, *, axis, size, step):
    return right(x, axis=axis, size=size, step=max(step, size) if x.ndim and x.shape[axis] >= 2 * size else step)


@kernel("as_strided", "the offset ignored")
def _(right, x, *, shape, strides, offset):
    return right(x, shape=shape, strides=strides, offset=0)


@kernel("as_strided", "strides taken from the view instead of the memory in C order")
def _(right, x, *, shape, strides, offset):
    return right(x, shape=shape, strides=strides, offset=offset).copy()


# Index.


@kernel("take", "the index as a flat one")
def _(right, x, i, *, axis):
    return right(x, i, axis=0) if axis else right(x, i, axis=axis)


@kernel("gather", "rows in reverse")
def _(right, x, i, *, axis):
    return right(np.flip(x, axis) if x.ndim else x, i, axis=axis)


@kernel("scatter", "duplicates are added once")
def _(right, x, i, s, *, axis, mode="set"):
    if mode == "add" and i.size:
        return x + (right(np.zeros_like(x), i, s, axis=axis, mode="set"))
    return right(x, i, s, axis=axis, mode=mode)


@kernel("scatter", "writes into its operand")
def _(right, x, i, s, *, axis, mode="set"):
    x[...] = right(x, i, s, axis=axis, mode=mode)
    return x


@kernel("index", "index axes always first")
def _(right, x, *idx):
    used = [n for n, i in enumerate(idx) if i is not None]
    if used and used[0] and used == list(range(used[0], used[-1] + 1)):
        block = np.broadcast(*[idx[n] for n in used]).ndim
        return np.moveaxis(right(x, *idx), range(used[0], used[0] + block), range(block))
    return right(x, *idx)


@kernel("index_put", "accumulate ignored")
def _(right, x, v, *idx, accumulate=False):
    return right(x, v, *idx)


@kernel("index_add", "the last of equal indices wins")
def _(right, x, i, s, *, axis):
    y = x.copy()
    view, rows = np.moveaxis(y, axis, 0), np.moveaxis(s, axis, 0)
    for n, place in enumerate(i):
        view[place] = np.moveaxis(x, axis, 0)[place] + rows[n]
    return y


@kernel("slice_put", "writes one place further")
def _(right, x, v, *, start, stop, step):
    return (
        right(x, v, start=tuple(a - 1 for a in start), stop=tuple(b - 1 for b in stop), step=step)
        if min(start)
        else right(x, v, start=start, stop=stop, step=step)
    )


@kernel("nonzero", "in Fortran order")
def _(right, x, *, size=None):
    return right(x.T, size=size)[:, ::-1] if x.ndim == 2 else right(x, size=size)


@kernel("nonzero", "nan is zero")
def _(right, x, *, size=None):
    return right(np.nan_to_num(x, nan=0.0) if x.dtype.kind == "f" else x, size=size)
