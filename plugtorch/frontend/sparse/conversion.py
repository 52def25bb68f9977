"""From one layout to another, and to and from dense tensors."""

from __future__ import annotations

import math

from plugtorch.spec.dtypes import int64

from .. import layouts
from ..dispatch import to_dtype
from ..joining import cat
from .patterns import (
    coordinates,
    dense_dim,
    entries,
    filled,
    flat_places,
    grouped,
    places,
    rows_of,
    sparse_dim,
    sum_at,
    summed,
    unraveled,
)
from .tensor import BLOCKED, BY_ROW, SHOWN, implements, is_sparse, layout_of, like, make, make_coo, require_sparse

COMPRESSED = (layouts.sparse_csr, layouts.sparse_csc, layouts.sparse_bsr, layouts.sparse_bsc)


@implements("coalesce")
def coalesce(t):
    """A COO tensor with sorted, distinct indices, the values of one place summed; itself if it is known to be so."""
    require_sparse(t, "coalesce", layouts.sparse_coo)
    parts = t._a
    if parts.coalesced:
        return t
    if parts.values._a.shape[0] < 2:
        return make_coo(parts.plain[0], parts.values, parts.shape, True)
    n = sparse_dim(t)
    return summed(parts.plain[0], parts.values, parts.shape[:n], parts.shape[n:])


def counts(t):
    """How many entries of a COO tensor each distinct place has, in order."""
    keys, group = grouped(flat_places(t))
    return sum_at(filled((group._a.shape[0],), 1, int64, group), group, keys._a.shape[0])


@implements("to_dense")
def to_dense(t, dtype=None, *, masked_grad=None):
    """The strided tensor of the same values, 0 where there is no entry; its gradient is read at the entries."""
    if not is_sparse(t):
        return t if dtype is None else to_dtype(t, dtype)
    if dtype is not None:
        t = like(t, to_dtype(t._a.values, dtype))
    n, shape = sparse_dim(t), t._a.shape
    return sum_at(entries(t), flat_places(t), math.prod(shape[:n])).reshape(*shape)


def to_coo(t):
    """A sparse tensor of any layout as COO."""
    if t._a.layout is layouts.sparse_coo:
        return t
    new = make_coo(coordinates(t), entries(t), t._a.shape, t._a.layout is layouts.sparse_csr and dense_dim(t) == 0)
    new._a.known = {"flat": flat_places(t)}
    return new


def coo_from_dense(x, count):
    """The entries of a dense tensor that are not zero, ``count`` leading dimensions being sparse."""
    shape = x._a.shape
    if not 0 <= count <= len(shape):
        raise RuntimeError(f"dense_to_sparse: sparse_dim argument must be in [0,{len(shape)}] range, but {count} is given")
    if shape and not count:
        raise RuntimeError("dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0")
    flat = x.reshape(math.prod(shape[:count]), *shape[count:])
    full = flat.detach().ne(0)
    if len(shape) > count:
        full = full.reshape(full._a.shape[0], math.prod(shape[count:])).any(1)
    at = full.nonzero().reshape(-1)
    return make_coo(unraveled(at, shape[:count]), rows_of(flat, at), shape, True)


def compress(t, layout, block=None):
    """A COO tensor in a compressed layout; all sparse dimensions but the last two are batches.

    Raises:
        RuntimeError: batches of different numbers of entries.
    """
    n, shape = sparse_dim(t), t._a.shape
    batch, (rows, columns), dense = shape[:n - 2], shape[n - 2:n], shape[n:]
    height, width = block or (1, 1)
    indices, values = t._a.plain[0], t._a.values
    r, c = indices.select(0, n - 2), indices.select(0, n - 1)
    if block:
        inside = r.remainder(height) * width + c.remainder(width)
        r, c = r.floor_divide(height), c.floor_divide(width)
    major, minor, sizes = (r, c, (rows // height, columns // width)) if layout in BY_ROW else (
        c, r, (columns // width, rows // height))
    outer = places(indices.narrow(0, 0, n - 2), batch)
    keys, group = grouped((outer * sizes[0] + major) * max(sizes[1], 1) + minor)
    many = keys._a.shape[0]
    if block:
        blocks = sum_at(values, (group * (height * width) + inside), many * height * width)
        values = blocks.reshape(many, height, width, *dense)
    else:
        values = sum_at(values, group, many)
    batches = math.prod(batch)
    lines = keys.floor_divide(max(sizes[1], 1))
    per_line = sum_at(filled((many,), 1, int64, keys), lines, batches * sizes[0]).reshape(*batch, sizes[0])
    if batch and len(set(per_line.sum(-1).reshape(-1).tolist())) > 1:
        raise RuntimeError("Expect the same number of specified elements per batch.")
    compressed = cat([filled((*batch, 1), 0, int64, keys), per_line.cumsum(-1)], -1)
    each = many // batches if batches else 0
    plain = keys.remainder(max(sizes[1], 1)).reshape(*batch, each)
    return make(layout, (compressed, plain), values.reshape(*batch, each, *values._a.shape[1:]), shape)


def _check_block(layout, shape, n, block):
    if layout not in BLOCKED:
        if block is not None:
            raise RuntimeError(f"to_sparse for {SHOWN[layout]} layout takes no blocksize")
        return None
    if block is None or len(block) != 2:
        raise RuntimeError(f"to_sparse for {SHOWN[layout]} layout needs a blocksize of two numbers, but got {block}")
    rows, columns = shape[n - 2:n]
    if min(block) < 1 or rows % block[0] or columns % block[1]:
        raise RuntimeError(f"dense_to_{layout.name}: tensor sparse size ({rows},{columns}) must be divisible by given "
                           f"blocksize ({block[0]},{block[1]})")
    return tuple(block)


def to_layout(t, layout, block=None, dense=None):
    """A tensor of any layout in another one.

    Args:
        block: (rows, columns) of a block, for the blocked layouts.
        dense: how many trailing dimensions of a dense tensor stay dense.
    """
    if layout is layouts.strided:
        return to_dense(t)
    if layout_of(t) is layout and (layout not in BLOCKED or block is None):
        return t
    if is_sparse(t):
        if layout is not layouts.sparse_coo and t._a.layout is layouts.sparse_coo and sparse_dim(t) != 2:
            raise RuntimeError(f"coo_to_{layout.name}: conversion from Sparse to {SHOWN[layout]} for input tensors with "
                               "sparse_dim()!=2 is not supported")
        t = to_coo(t)
    else:
        if layout is not layouts.sparse_coo and t.dim() < 2 + (dense or 0):
            raise RuntimeError(f"to_sparse_{layout.name[-3:]}: expected a tensor of at least {2 + (dense or 0)} dimensions, "
                               f"but got {t.dim()}")
        t = coo_from_dense(t, t.dim() - (dense or 0))
    if layout is layouts.sparse_coo:
        return t
    return compress(t, layout, _check_block(layout, t._a.shape, sparse_dim(t), block))


@implements("to_sparse", "to_sparse_coo", "_to_sparse")
def to_sparse(self, sparse_dim=None, *, layout=None, blocksize=None, dense_dim=None):
    """The tensor in a sparse layout, by default COO with ``sparse_dim`` leading sparse dimensions (default: all)."""
    if sparse_dim is not None and (layout is not None or blocksize is not None or dense_dim is not None):
        raise TypeError("to_sparse() takes either sparse_dim or layout, blocksize and dense_dim")
    if sparse_dim is None:
        return to_layout(self, layout or layouts.sparse_coo, blocksize, dense_dim)
    if not is_sparse(self):
        return coo_from_dense(self, sparse_dim)
    if sparse_dim != len(self._a.shape) - _dense(self):
        raise RuntimeError(f"to_sparse: conversion from {SHOWN[self._a.layout]} to Sparse with sparse_dim argument "
                           "!=self.sparse_dim() is not supported")
    return to_coo(self)


_dense = dense_dim


def _to(layout):
    short = layout.name[-3:]
    blocked = layout in BLOCKED
    if blocked:
        def convert(self, blocksize, dense_dim=None):
            return to_layout(self, layout, blocksize, dense_dim)
    else:
        def convert(self, dense_dim=None):
            return to_layout(self, layout, None, dense_dim)

    convert.__name__ = convert.__qualname__ = f"to_sparse_{short}"
    convert.__doc__ = (f"The tensor in the {short.upper()} layout; ``dense_dim`` trailing dimensions stay dense, and those "
                       "before the last two sparse ones are batches.")
    return implements(f"to_sparse_{short}", f"_to_sparse_{short}")(convert)


to_sparse_csr, to_sparse_csc = _to(layouts.sparse_csr), _to(layouts.sparse_csc)
to_sparse_bsr, to_sparse_bsc = _to(layouts.sparse_bsr), _to(layouts.sparse_bsc)
