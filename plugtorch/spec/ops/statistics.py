"""Means, variances and norms."""

from __future__ import annotations

import math

from ..abstract import compute_dtype
from ..op import derived


def _count(x, axis):
    return math.prod(x.shape[i] for i in axis)


@derived("reduction")
def mean(k, x, *, axis, keepdims=False):
    """Arithmetic mean over axes of a floating or complex array; half precisions sum in float32; empty gives nan."""
    dtype = k.dtype_of(x)
    wide = k.cast(x, dtype=compute_dtype(dtype))
    n = _count(x, axis)
    return k.cast(k.mul(k.sum(wide, axis=axis, keepdims=keepdims), 1 / n if n else math.nan), dtype=dtype)


@derived("reduction", outputs=("var", "mean"))
def var_mean(k, x, *, axis, correction=1, keepdims=False):
    """Variance, divided by ``count - correction`` (at least 0), and mean over axes; of complex values the variance
    is that of both parts together, real. Computed in two passes, half precisions in float32."""
    dtype = k.dtype_of(x)
    wide = k.cast(x, dtype=compute_dtype(dtype))
    centre = k.mean(wide, axis=axis, keepdims=True)
    d = k.sub(wide, centre)
    square = k.real(k.mul(d, k.conj(d))) if dtype.is_complex else k.mul(d, d)
    n = max(_count(x, axis) - correction, 0)
    total = k.sum(square, axis=axis, keepdims=keepdims)
    var = k.div(total, float(n)) if n else k.mul(k.div(total, 0.0), 1.0)
    if not keepdims:
        centre = k.reshape(centre, shape=tuple(m for i, m in enumerate(x.shape) if i not in axis))
    return k.cast(var, dtype=dtype.to_real()), k.cast(centre, dtype=dtype)


@derived("reduction")
def norm(k, x, *, p, axis, keepdims=False):
    """Vector norm of order p (any number, inf and -inf included) over axes, in the real dtype."""
    dtype = k.dtype_of(x)
    a = k.abs(k.cast(x, dtype=compute_dtype(dtype)))
    if p == math.inf:
        out = k.max(a, axis=axis, keepdims=keepdims)
    elif p == -math.inf:
        out = k.min(a, axis=axis, keepdims=keepdims)
    elif p == 0:
        out = k.sum(k.cast(k.ne(a, 0), dtype=k.dtype_of(a)), axis=axis, keepdims=keepdims)
    elif p == 1:
        out = k.sum(a, axis=axis, keepdims=keepdims)
    elif p == 2:
        out = k.sqrt(k.sum(k.mul(a, a), axis=axis, keepdims=keepdims))
    else:
        out = k.pow(k.sum(k.pow(a, p), axis=axis, keepdims=keepdims), 1 / p)
    return k.cast(out, dtype=dtype.to_real())


@derived("sort", outputs=("values", "indices"))
def topk(k, x, *, count, axis, largest=True):
    """The ``count`` largest (or smallest) values along an axis in order, and their int64 indices; the first
    of ties come first."""
    values, indices = k.sort(x, axis=axis, descending=largest)
    start = (0,) * len(x.shape)
    stop = tuple(count if i == axis else n for i, n in enumerate(x.shape))
    step = (1,) * len(x.shape)
    return (k.slice(values, start=start, stop=stop, step=step),
            k.slice(indices, start=start, stop=stop, step=step))


@derived("reduction", outputs=("values", "indices"))
def max_index(k, x, *, axis, keepdims=False):
    """Largest value along one axis and its first int64 index; nan wins."""
    i = k.argmax(x, axis=axis, keepdims=True)
    v = k.gather(x, i, axis=axis)
    return (v, i) if keepdims else (_drop(k, v, axis), _drop(k, i, axis))


@derived("reduction", outputs=("values", "indices"))
def min_index(k, x, *, axis, keepdims=False):
    """Smallest value along one axis and its first int64 index; nan wins."""
    i = k.argmin(x, axis=axis, keepdims=True)
    v = k.gather(x, i, axis=axis)
    return (v, i) if keepdims else (_drop(k, v, axis), _drop(k, i, axis))


def _drop(k, x, axis):
    return k.reshape(x, shape=(*x.shape[:axis], *x.shape[axis + 1:]))
