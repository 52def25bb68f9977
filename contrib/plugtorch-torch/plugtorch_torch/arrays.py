"""Reductions, shapes and indexing."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from plugtorch.spec.abstract import Abstract
from plugtorch.spec.ops.index import indexed_shape


def _slices(start, stop, step):
    return tuple(map(slice, start, stop, step))


class Reductions:
    """``axis`` is a tuple; where it is empty nothing is reduced, while PyTorch would reduce everything."""

    def sum(self, x, *, axis, keepdims=False):
        if axis:
            return torch.sum(x, axis, keepdim=keepdims)
        return x.clone() if x.is_floating_point() or x.is_complex() else x.to(torch.int64, copy=True)

    def prod(self, x, *, axis, keepdims=False):
        half = x.dtype if x.dtype.itemsize == 2 and x.is_floating_point() else None
        y = x.float() if half else x if x.is_floating_point() or x.is_complex() else x.to(torch.int64)
        for i in sorted(axis, reverse=True):
            y = torch.prod(y, i, keepdim=keepdims)
        return y.to(half) if half else y.clone() if y is x else y

    def max(self, x, *, axis, keepdims=False):
        return torch.amax(x, axis, keepdim=keepdims) if axis else x.clone()

    def min(self, x, *, axis, keepdims=False):
        return torch.amin(x, axis, keepdim=keepdims) if axis else x.clone()

    def any(self, x, *, axis, keepdims=False):
        return torch.any(x, axis, keepdim=keepdims).bool() if axis else x != 0

    def all(self, x, *, axis, keepdims=False):
        return torch.all(x, axis, keepdim=keepdims).bool() if axis else x != 0

    def argmax(self, x, *, axis, keepdims=False):
        return torch.argmax(x.byte() if x.dtype is torch.bool else x, axis, keepdim=keepdims)

    def argmin(self, x, *, axis, keepdims=False):
        return torch.argmin(x.byte() if x.dtype is torch.bool else x, axis, keepdim=keepdims)

    def cumsum(self, x, *, axis):
        return torch.cumsum(x, axis)

    def cumprod(self, x, *, axis):
        return torch.cumprod(x, axis)

    def sort(self, x, *, axis, descending=False):
        values, order = torch.sort(x, stable=True, dim=axis, descending=descending)
        return values, order

    def mean(self, x, *, axis, keepdims=False):
        return torch.mean(x, axis, keepdim=keepdims) if axis else x.clone()


class Shapes:
    """Views where PyTorch has them."""

    def reshape(self, x, *, shape):
        return x.reshape(tuple(shape))

    def permute(self, x, *, axes):
        return x.permute(axes)

    def broadcast_to(self, x, *, shape):
        return x.expand(tuple(shape))

    def slice(self, x, *, start, stop, step):
        return x[_slices(start, stop, step)]

    def select(self, x, *, axis, index):
        return x.select(axis, index)

    def diagonal(self, x, *, offset, axis1, axis2):
        return torch.diagonal(x, offset, axis1, axis2)

    def unfold_dim(self, x, *, axis, size, step):
        return x.unfold(axis, size, step)

    def as_strided(self, x, *, shape, strides, offset):
        line = x.reshape(-1)
        return torch.as_strided(line, tuple(shape), tuple(strides), line.storage_offset() + offset)

    def view_as_real(self, x):
        return torch.view_as_real(x)

    def view_as_complex(self, x):
        return torch.view_as_complex(x) if x.stride(-1) == 1 else torch.view_as_complex(x.contiguous())

    def pad(self, x, *, lo, hi, value=0):
        amounts = [n for pair in zip(reversed(lo), reversed(hi), strict=True) for n in pair]
        y = F.pad(x, amounts, value=value)
        return y.clone() if y.data_ptr() == x.data_ptr() else y

    def flip(self, x, *, axis):
        return torch.flip(x, tuple(axis))

    def concat(self, *xs, axis):
        return torch.cat(xs, axis)

    def tril(self, x, *, diagonal=0):
        return torch.tril(x, diagonal)

    def triu(self, x, *, diagonal=0):
        return torch.triu(x, diagonal)


class Indexing:
    """Indices are int64, in range and not negative."""

    def take(self, x, i, *, axis):
        y = x.index_select(axis, i.reshape(-1))
        return y.reshape((*x.shape[:axis], *i.shape, *x.shape[axis + 1:]))

    def gather(self, x, i, *, axis):
        return torch.gather(x, axis, i)

    def scatter(self, x, i, s, *, axis, mode="set"):
        if mode == "set":
            return torch.scatter(x, axis, i, s)
        if mode == "add":
            return torch.scatter_add(x, axis, i, s)
        return torch.scatter_reduce(x, axis, i, s, {"mul": "prod", "max": "amax", "min": "amin"}[mode], include_self=True)

    @staticmethod
    def _whole(idx):
        return tuple(slice(None) if i is None else i for i in idx)

    def index(self, x, *idx):
        return x[self._whole(idx)]

    def index_put(self, x, v, *idx, accumulate=False):
        if accumulate:
            shape = indexed_shape(x.shape, [None if i is None else Abstract(i.shape, None) for i in idx])
            return torch.ops.aten.index_put(x, list(idx), v.expand(shape), True)
        y = self.copy(x)
        y[self._whole(idx)] = v
        return y

    def index_add(self, x, i, s, *, axis):
        return torch.index_add(x, axis, i, s)

    def slice_put(self, x, v, *, start, stop, step):
        y = self.copy(x)
        y[_slices(start, stop, step)] = v
        return y

    def nonzero(self, x, *, size=None):
        found = torch.nonzero(x)
        if size is None:
            return found
        fixed = torch.zeros((size, x.ndim), dtype=torch.int64, device=x.device)
        fixed[:min(size, len(found))] = found[:size]
        return fixed
