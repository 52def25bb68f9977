"""Where the entries of a sparse tensor are: coordinates, flat places, and values read or summed there."""

from __future__ import annotations

import math

from plugtorch.autograd.base import wrap
from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import BOOL, int64

from .. import layouts
from ..dispatch import to_dtype
from ..joining import stack
from ..selection import where
from ..sorting import searchsorted, unique
from .tensor import BLOCKED, BY_ROW, is_sparse, make_coo


def filled(shape, value, dtype, like):
    """One number in a shape, where the tensor ``like`` is."""
    k = like._k
    return wrap(k.full(shape=tuple(shape), value=value, dtype=dtype, device=k.device_of(like._a)), k)


def counting(n, like):
    """``0 ... n-1`` as int64, where the tensor ``like`` is."""
    k = like._k
    return wrap(k.arange(start=0, stop=n, step=1, dtype=int64, device=k.device_of(like._a)), k)


def rows_of(x, index):
    """Rows of ``x`` by a vector of places that are known to be inside."""
    return apply("take", (x, index), {"axis": 0})


def sum_at(values, index, count):
    """Entries (n, *dense) summed into ``count`` places: (count, *dense); of truth values, whether any is true."""
    if values.dtype.category == BOOL:
        return sum_at(to_dtype(values, int64), index, count).ne(0)
    return apply("index_add", (filled((count, *values._a.shape[1:]), 0, values.dtype, values), index, values), {"axis": 0})


def places(indices, sizes):
    """Flat places, in C order, of coordinates (len(sizes), n)."""
    flat, n = None, indices._a.shape[1]
    for axis, size in enumerate(sizes):
        row = indices.select(0, axis)
        flat = row if flat is None else flat * size + row
    return filled((n,), 0, int64, indices) if flat is None else flat


def unraveled(flat, sizes):
    """Coordinates (len(sizes), n) of flat places."""
    rows = []
    for size in reversed(sizes):
        size = max(size, 1)
        rows.append(flat.remainder(size))
        flat = flat.floor_divide(size)
    return stack(rows[::-1]) if rows else filled((0, flat._a.shape[0]), 0, int64, flat)


def sparse_dim(t) -> int:
    """The number of dimensions that indices address, batch dimensions included."""
    parts = t._a
    if parts.layout is layouts.sparse_coo:
        return parts.plain[0]._a.shape[0]
    return parts.plain[1]._a.ndim + 1


def dense_dim(t) -> int:
    """The number of trailing dimensions that every value has."""
    return len(t._a.shape) - sparse_dim(t)


def entries(t):
    """The values one by one: (n, *dense)."""
    parts = t._a
    return parts.values if parts.layout is layouts.sparse_coo else parts.values.reshape(
        -1, *parts.shape[sparse_dim(t):]) if parts.values.numel() else parts.values.reshape(
        math.prod(parts.values._a.shape[:parts.values._a.ndim - dense_dim(t)]), *parts.shape[sparse_dim(t):])


def coordinates(t):
    """The place of each of :func:`entries`: (sparse dimensions, n)."""
    parts = t._a
    if parts.layout is layouts.sparse_coo:
        return parts.plain[0]
    found = parts.known.get("coordinates")
    if found is None:
        found = parts.known["coordinates"] = _expanded(t)
    return found


def _expanded(t):
    parts = t._a
    compressed, minor = (to_dtype(p, int64) for p in parts.plain)
    batch, count = minor._a.shape[:-1], minor._a.shape[-1]
    major = searchsorted(compressed.contiguous(), counting(count, minor).expand(*batch, count).contiguous(), right=True) - 1
    rows, columns = (major, minor) if parts.layout in BY_ROW else (minor, major)
    full = (*batch, count)
    if parts.layout in BLOCKED:
        height, width = parts.values._a.shape[len(batch) + 1:len(batch) + 3]
        rows = rows.reshape(*full, 1, 1) * height + counting(height, minor).reshape(height, 1)
        columns = columns.reshape(*full, 1, 1) * width + counting(width, minor)
        full = (*full, height, width)
    axes = [counting(n, minor).reshape(n, *[1] * (len(full) - axis - 1)) for axis, n in enumerate(batch)]
    n = math.prod(full)
    return stack([a.expand(*full).reshape(n) for a in (*axes, rows, columns)])


def flat_places(t):
    """The flat place of each of :func:`entries` among the sparse dimensions."""
    parts = t._a
    found = parts.known.get("flat")
    if found is None:
        found = parts.known["flat"] = places(coordinates(t), parts.shape[:sparse_dim(t)])
    return found


def grouped(flat):
    """Distinct places in order, and for each entry the number of its place."""
    return unique(flat, return_inverse=True)


def read(t, flat):
    """Values (n, *dense) of a tensor of any layout at flat places among its leading dimensions; 0 where a sparse one has
    no entry. The rest of its shape is dense.
    """
    if not is_sparse(t):
        return rows_of(t, flat)
    if not t._a.coalesced:
        from .conversion import coalesce, to_coo

        t = coalesce(to_coo(t))
    keys, values = flat_places(t), t._a.values
    n = keys._a.shape[0]
    if not n:
        return filled((flat._a.shape[0], *values._a.shape[1:]), 0, values.dtype, values)
    at = searchsorted(keys, flat).clamp(max=n - 1)
    hit = rows_of(keys, at).eq(flat)
    return where(hit.reshape(-1, *[1] * (values._a.ndim - 1)), rows_of(values, at),
                 filled((), 0, values.dtype, values))


def values_at(t, g):
    """A tensor ``g`` of ``t``'s shape, of any layout, at the entries of ``t``: a tensor of its values' shape."""
    parts = t._a
    count = sparse_dim(t)
    if not is_sparse(g):
        g = g.reshape(math.prod(parts.shape[:count]), *parts.shape[count:])
    return read(g, flat_places(t)).reshape(*parts.values._a.shape)


def summed(indices, values, sizes, dense=()):
    """A COO tensor with the entries of one place summed: coalesced."""
    keys, group = grouped(places(indices, sizes))
    return make_coo(unraveled(keys, sizes), sum_at(values, group, keys._a.shape[0]), (*sizes, *dense), True)
