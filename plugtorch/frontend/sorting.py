"""Sorting and what follows from it."""

from __future__ import annotations

import numpy as np

from plugtorch.autograd.base import wrap
from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import COMPLEX, INT

from .dispatch import normalize_axis, store, to_dtype
from .indexing import gather
from .methods import method
from .return_types import struct
from .shaping import reshape, squeeze
from .unsupported import refuse

SortResult = struct("sort", ["values", "indices"])
TopkResult = struct("topk", ["values", "indices"])
MedianResult = struct("median", ["values", "indices"])
KthvalueResult = struct("kthvalue", ["values", "indices"])


def _sorted(input, dim, descending):
    if input.dtype.category == COMPLEX:
        raise RuntimeError(f'"sort" not implemented for \'{input.dtype.legacy}\'')
    axis = normalize_axis(dim, input.dim())
    return apply("sort", (input,), {"axis": axis, "descending": descending})


@method
def sort(input, dim=-1, descending=False, stable=False, *, out=None):
    """Values in order along a dimension and their indices; always stable."""
    return store(out, SortResult(*_sorted(input, dim, descending)))


@method
def argsort(input, dim=-1, descending=False, stable=False):
    """Indices that sort along a dimension."""
    return _sorted(input, dim, descending)[1]


def msort(input, *, out=None):
    """Sorted along the first dimension."""
    return store(out, sort(input, 0).values)


method(msort)


@method
def topk(input, k, dim=-1, largest=True, sorted=True, *, out=None):
    """The k largest (or smallest) values along a dimension, in order, and their indices.

    Raises:
        RuntimeError: k is out of range.
    """
    axis = normalize_axis(dim, input.dim())
    n = input._a.shape[axis] if input.dim() else 1
    if not 0 <= k <= n:
        raise RuntimeError("selected index k out of range")
    if not input.dim():
        return store(out, TopkResult(*_sorted(input, 0, largest)))
    return store(out, TopkResult(*apply("topk", (input,), {"count": k, "axis": axis, "largest": largest})))


@method
@named("KthvalueBackward0")
def kthvalue(input, k, dim=-1, keepdim=False, *, out=None):
    """The k-th smallest value along a dimension (k from 1) and its index.

    Raises:
        RuntimeError: k is out of range.
    """
    axis = normalize_axis(dim, input.dim())
    n = input._a.shape[axis] if input.dim() else 1
    if not 1 <= k <= n:
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(axis))
    values, indices = _sorted(input, dim, False)
    if input.dim():
        values, indices = values.narrow(axis, k - 1, 1), indices.narrow(axis, k - 1, 1)
        if not keepdim:
            values, indices = squeeze(values, axis), squeeze(indices, axis)
    return store(out, KthvalueResult(values, indices))


@method
@named(lambda input, dim=None, *args, **kwargs: f"MedianBackward{int(dim is not None)}")
def median(input, dim=None, keepdim=False, *, out=None):
    """The middle value (the lower of two), nan if there is any; along a dimension also its index."""
    if dim is None:
        flat = reshape(input, (-1,))
        if not input.numel() and input.dtype.is_floating_point:
            return input.new_full((), np.nan)
        return middle_value(input, lambda: _median(flat, 0, False)[0])
    refuse("median", input.dtype)
    axis = normalize_axis(dim, input.dim())
    if not input.dim():
        return store(out, MedianResult(*_sorted(input, 0, False)))
    return store(out, MedianResult(*_median(input, axis, keepdim)))


def middle_value(input, compute):
    """A median of all elements: ``compute()``, whose gradient all elements equal to it share, as ties of a maximum do."""
    y = compute()
    if y._req and not bool(y.detach().isnan()):
        flat = reshape(input, (-1,))
        flat = flat.masked_fill(flat.detach().ne(y.detach()), -np.inf)
        y = apply("max", (flat,), {"axis": (0,), "keepdims": False})
        y._node.extra = "MedianBackward0"
    return y


def _median(x, axis, keepdim):
    n = x._a.shape[axis]
    if n == 0:
        raise IndexError(f"median(): Expected reduction dim {axis} to have non-zero size.")
    _, order = _sorted(x.detach(), axis, False)
    at = order.narrow(axis, (n - 1) // 2, 1)
    if x.dtype.is_floating_point:
        nans = x.detach().isnan()
        first = nans.to(dtypes.int64).argmax(axis, keepdim=True)
        at = nans.any(axis, keepdim=True).to(dtypes.int64) * (first - at) + at
    values = gather(x, axis, at)
    return (values, at) if keepdim else (squeeze(values, axis), squeeze(at, axis))


def _host(t):
    return np.asarray(t._k.to_host(t._a))


def _device(array, like):
    return wrap(like._k.from_host(array, device=like.device), like._k)


@method
def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """Distinct values in order; also the inverse index and the counts if wanted. The size depends on the values."""
    values, inverse, counts = np.unique(_host(input), return_inverse=True, return_counts=True, axis=dim,
                                        equal_nan=False)
    results = [_device(values, input)]
    if return_inverse:
        shape = tuple(input._a.shape) if dim is None else (-1,)
        results.append(_device(inverse.reshape(shape).astype(np.int64), input))
    if return_counts:
        results.append(_device(counts.astype(np.int64), input))
    return results[0] if len(results) == 1 else tuple(results)


@method
def bincount(input, weights=None, minlength=0):
    """How often each non-negative integer occurs, or the sums of its weights.

    Raises:
        RuntimeError: not a vector of non-negative integers.
    """
    if input.dtype.category > INT:
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{input.dtype.legacy}'")
    host = _host(input)
    if host.ndim != 1 or (host.size and host.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return _device(np.bincount(host, minlength=minlength).astype(np.int64), input)
    w = to_dtype(weights, dtypes.float64) if not weights.dtype.is_floating_point else weights
    counts = np.bincount(host, weights=_host(w), minlength=minlength)
    return _device(counts.astype(w.dtype.numpy), input)


def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None, out=None):
    """Positions at which values would be inserted to keep each row in order."""
    from .creation import tensor

    x = input if hasattr(input, "_a") else tensor(input, device=sorted_sequence.device)
    right = right or side == "right"
    seq = sorted_sequence if sorter is None else gather(sorted_sequence, -1, sorter)
    if seq.dim() > 1 and tuple(seq._a.shape[:-1]) != tuple(x._a.shape[:-1]):
        raise RuntimeError("torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
                           f"boundaries tensor and input value tensor must match, but we got boundaries tensor "
                           f"{list(seq._a.shape)} and input value tensor {list(x._a.shape)}")
    if seq._k.level or x._k.level:  # the values are not known: count those before
        row = seq if seq.dim() == 1 else seq.unsqueeze(-2)
        found = (row <= x.unsqueeze(-1) if right else row < x.unsqueeze(-1)).sum(-1)
        return store(out, to_dtype(found, dtypes.int32) if out_int32 else found)
    rows, values = _host(seq), _host(x)
    where = "right" if right else "left"
    if values.size == 0:
        found = np.zeros(values.shape)
    elif rows.ndim == 1:
        found = np.searchsorted(rows, values, where)
    else:
        flat = rows.reshape(-1, rows.shape[-1])
        found = np.stack([np.searchsorted(r, v, where) for r, v in
                          zip(flat, values.reshape(len(flat), -1), strict=True)]).reshape(values.shape)
    return store(out, _device(np.asarray(found).astype(np.int32 if out_int32 else np.int64), x))


def bucketize(input, boundaries, *, out_int32=False, right=False, out=None):
    """The bucket of each value between 1-d boundaries."""
    return searchsorted(boundaries, input, out_int32=out_int32, right=right, out=out)


__all__ = ["argsort", "bincount", "bucketize", "kthvalue", "median", "msort", "searchsorted", "sort", "topk", "unique"]
