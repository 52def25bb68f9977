"""Sums over dimensions, softmax over entries, norms."""

from __future__ import annotations

import math

from plugtorch.spec.dtypes import BOOL, INT, int64

from .. import layouts
from ..dispatch import normalize_axes, normalize_axis, to_dtype
from ..joining import cat, stack
from .arithmetic import into
from .conversion import coalesce, to_coo, to_layout
from .patterns import entries, filled, grouped, places, rows_of, sparse_dim, sum_at, summed
from .tensor import could_not_run, dispatch_key, implements, is_sparse, like

COO = layouts.sparse_coo


def _sum_dtype(t, dtype):
    return dtype or (int64 if t.dtype.category <= INT else t.dtype)


@implements("sum")
def sum(input, dim=None, keepdim=False, *, dtype=None, out=None, axis=None):
    """The sum of all entries, a dense number; or over dimensions: sparse if sparse dimensions are left, else dense.

    Raises:
        RuntimeError: a compressed tensor summed over dimensions without ``keepdim``.
    """
    dim = axis if dim is None else dim
    target = _sum_dtype(input, dtype)
    if input._a.layout is not COO:
        if dim is None or dim == ():
            return into(out, to_dtype(input._a.values, target).sum())
        if not keepdim:
            raise RuntimeError("reduction operations on CSR tensors with keepdim=False is unsupported")
        return into(out, to_layout(coalesce(sum(to_coo(input), dim, True, dtype=dtype)), input._a.layout))
    n, count, shape = len(input._a.shape), sparse_dim(input), input._a.shape
    axes = normalize_axes(None if dim == () else dim, n)
    values = to_dtype(input._a.values, target)
    inner = tuple(a - count + 1 for a in axes if a >= count)
    if inner:
        values = values.sum(inner, keepdim)
    left = [a for a in range(count) if a not in axes]
    if not left and not (keepdim and dim is not None):
        return into(out, values.sum(0))
    dense = tuple(values._a.shape[1:])
    indices = input._a.plain[0]
    if keepdim:
        zero = filled((indices._a.shape[1],), 0, int64, indices)
        rows = stack([zero if a in axes else indices.select(0, a) for a in range(count)])
        sizes = tuple(1 if a in axes else shape[a] for a in range(count))
    else:
        rows, sizes = stack([indices.select(0, a) for a in left]), tuple(shape[a] for a in left)
    return into(out, summed(rows, values, sizes, dense))


def sparse_sum(input, dim=None, dtype=None):
    """The sum of the elements of a sparse tensor, over all dimensions or some: sparse if sparse dimensions are left, else
    dense. Its gradient is that at the entries.
    """
    if not is_sparse(input):
        return input.sum(dtype=dtype) if dim is None else input.sum(dim, dtype=dtype)
    return sum(input, dim, dtype=dtype)


def _extremes(values, group, count):
    """The largest of each group's values, as constants."""
    v = values.detach()
    shape = (count, *v._a.shape[1:])
    index = group.reshape(-1, *[1] * (v._a.ndim - 1)).expand(*v._a.shape)
    return filled(shape, -math.inf, v.dtype, v).scatter_reduce(0, index, v, "amax")


def _normalized(input, dim, dtype, log, name):
    if not is_sparse(input):
        raise NotImplementedError(could_not_run(name, dispatch_key(input)))
    if input._a.layout is not COO:
        raise NotImplementedError(could_not_run(name, dispatch_key(input)))
    t = coalesce(input)
    if dtype is not None:
        t = like(t, to_dtype(t._a.values, dtype))
    parts, count = t._a, sparse_dim(t)
    if t.dtype.category <= INT:
        raise NotImplementedError(f"\"{'log_softmax' if log else 'softmax'}\" not implemented for '{t.dtype.legacy}'")
    at = normalize_axis(dim, len(parts.shape))
    if at >= count:
        v = parts.values
        return like(t, v.log_softmax(at - count + 1) if log else v.softmax(at - count + 1))
    i = parts.plain[0]
    rest = cat([i.narrow(0, 0, at), i.narrow(0, at + 1, count - at - 1)])
    keys, group = grouped(places(rest, (*parts.shape[:at], *parts.shape[at + 1:count])))
    many = keys._a.shape[0]
    if not many:
        return t
    v = entries(t)
    shifted = v - rows_of(_extremes(v, group, many), group)
    total = rows_of(sum_at(shifted.exp(), group, many), group)
    return like(t, shifted - total.log() if log else shifted.exp() / total)


def softmax(input, dim, *, dtype=None):
    """Softmax over the entries along a dimension, elements without entry counting as minus infinity: sparse, of the same
    pattern.

    Raises:
        NotImplementedError: a tensor that is not COO.
    """
    return _normalized(input, dim, dtype, False, "_sparse_softmax")


def log_softmax(input, dim, *, dtype=None):
    """The logarithm of :func:`softmax`."""
    return _normalized(input, dim, dtype, True, "_sparse_log_softmax")


@implements("norm")
def norm(self, p="fro", dim=None, keepdim=False, dtype=None, out=None):
    """The norm of all elements of a COO tensor."""
    if dim is not None and len(tuple(dim) if not isinstance(dim, int) else (dim,)) != len(self._a.shape):
        raise RuntimeError("norm_sparse currently only supports full reductions, so 'dim' must either be empty or "
                           "contain all dimensions of the input")
    if keepdim:
        raise RuntimeError("norm_sparse currently does not support keepdim=True")
    return into(out, coalesce(self)._a.values.norm(2 if p in (None, "fro") else p, dtype=dtype))


@implements("any")
def any(input, dim=None, keepdim=False, *, out=None):
    """Whether an element of a COO tensor is true."""
    if dim is not None:
        raise NotImplementedError(could_not_run("any.dim", dispatch_key(input)))
    values = coalesce(input)._a.values if input._a.layout is COO else input._a.values
    return into(out, (values if values.dtype.category == BOOL else values.ne(0)).any())

