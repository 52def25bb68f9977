"""Sparse tensors turned, cut and joined."""

from __future__ import annotations

import math

from plugtorch.spec.dtypes import int64

from .. import layouts
from ..dispatch import common_dtype, is_tensor, normalize_axis, shape_from, to_dtype
from ..joining import cat as dense_cat
from ..joining import stack as dense_stack
from .arithmetic import into
from .conversion import coalesce, to_coo
from .patterns import counting, dense_dim, filled, rows_of, sparse_dim, sum_at
from .tensor import could_not_run, dispatch_key, implements, is_sparse, make, make_coo

COO = layouts.sparse_coo
_TURNED = {layouts.sparse_csr: layouts.sparse_csc, layouts.sparse_csc: layouts.sparse_csr,
           layouts.sparse_bsr: layouts.sparse_bsc, layouts.sparse_bsc: layouts.sparse_bsr}


@implements("permute", "permute_copy")
def permute(input, *dims):
    """The dimensions in another order: sparse ones among themselves, and dense ones among themselves.

    Raises:
        RuntimeError: a sparse dimension would change places with a dense one.
    """
    dims = shape_from(dims)
    n = len(input._a.shape)
    if len(dims) != n:
        raise RuntimeError("permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
                           f"desired ordering of dimensions i.e. input.dim() = {n} is not equal to len(dims) = {len(dims)}")
    dims = [normalize_axis(d, n) for d in dims]
    if len(set(dims)) != n:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    if input._a.layout is not COO:
        raise RuntimeError(f"permute: {input._a.layout!r} is not supported; transpose() is")
    count = sparse_dim(input)
    if any((d < count) is not (i < count) for i, d in enumerate(dims)):
        raise RuntimeError("permute: transpositions between sparse and dense dimensions are not allowed. "
                           f"Got sparse_dim: {count}")
    parts = input._a
    indices = dense_stack([parts.plain[0].select(0, d) for d in dims[:count]]) if count else parts.plain[0]
    values = parts.values.permute(0, *(d - count + 1 for d in dims[count:]))
    kept = parts.coalesced and dims[:count] == list(range(count))
    return make_coo(indices, values, tuple(parts.shape[d] for d in dims), kept)


@implements("transpose", "swapaxes", "swapdims", "transpose_copy")
def transpose(input, dim0, dim1):
    """Two dimensions exchanged; of a compressed tensor the two sparse ones, which changes rows for columns in the layout."""
    n = len(input._a.shape)
    a, b = normalize_axis(dim0, n), normalize_axis(dim1, n)
    if a == b:
        return input
    if input._a.layout is COO:
        dims = list(range(n))
        dims[a], dims[b] = b, a
        return permute(input, *dims)
    parts = input._a
    batch = parts.plain[1]._a.ndim - 1
    if {a, b} != {batch, batch + 1}:
        raise RuntimeError(f"transpose(): can only transpose the sparse dimensions of {parts.layout!r} tensors, got dim0 = "
                           f"{dim0} and dim1 = {dim1}")
    shape = list(parts.shape)
    shape[a], shape[b] = shape[b], shape[a]
    values = parts.values
    if parts.layout in (layouts.sparse_bsr, layouts.sparse_bsc):
        values = values.transpose(batch + 1, batch + 2)
    return make(_TURNED[parts.layout], parts.plain, values, shape)


@implements("t", "t_copy")
def t(input):
    """A matrix transposed."""
    n = len(input._a.shape)
    if n > 2 or dense_dim(input):
        raise RuntimeError(f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got {sparse_dim(input)} "
                           f"sparse and {dense_dim(input)} dense dimensions")
    return transpose(input, 0, 1) if n == 2 else input


@implements("transpose_", "t_", "swapaxes_", "swapdims_")
def transpose_(self, dim0=0, dim1=1):
    """Two dimensions exchanged, in place."""
    self._a = transpose(self, dim0, dim1)._a
    return self


@implements("unsqueeze", "unsqueeze_copy")
def unsqueeze(input, dim):
    """A new dimension of size 1."""
    _coo_only(input, "unsqueeze")
    n = len(input._a.shape)
    at = normalize_axis(dim, n + 1)
    parts, count = input._a, sparse_dim(input)
    shape = (*parts.shape[:at], 1, *parts.shape[at:])
    if at > count:
        return make_coo(parts.plain[0], parts.values.unsqueeze(at - count + 1), shape, parts.coalesced)
    i = parts.plain[0]
    zero = filled((1, i._a.shape[1]), 0, int64, i)
    return make_coo(dense_cat([i.narrow(0, 0, at), zero, i.narrow(0, at, count - at)]), parts.values, shape, parts.coalesced)


def _coo_only(t, name):
    if t._a.layout is not COO:
        raise NotImplementedError(could_not_run(name, dispatch_key(t)))


def _at(dim, n, index, size):
    if not -size <= index < size:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(n)} at dimension {dim}")
    return index % size


@implements("select", "select_copy")
def select(input, dim, index):
    """One index of a dimension; a dense tensor where the last sparse dimension goes."""
    shape = input._a.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    at = normalize_axis(dim, len(shape))
    index = _at(at, shape, index, shape[at])
    input = coalesce(to_coo(input))
    parts, count = input._a, sparse_dim(input)
    rest = (*shape[:at], *shape[at + 1:])
    if at >= count:
        return make_coo(parts.plain[0], parts.values.select(at - count + 1, index), rest, parts.coalesced)
    keep = parts.plain[0].select(0, at).eq(index).nonzero().reshape(-1)
    values = rows_of(parts.values, keep)
    if count == 1:
        return values.sum(0) if values.dtype.category != 0 else values.any(0)
    kept = parts.plain[0].index_select(1, keep)
    return make_coo(dense_cat([kept.narrow(0, 0, at), kept.narrow(0, at + 1, count - at - 1)]), values, rest, True)


@implements("index_select")
def index_select(input, dim, index, *, out=None):
    """Several indices of a dimension, in the order of ``index``."""
    _coo_only(input, "index_select")
    shape = input._a.shape
    at = normalize_axis(dim, len(shape))
    if index.dim() != 1 or index.dtype.category != 1:
        raise IndexError("index_select() argument index must be 1-D strided (non-sparse) long-tensor.")
    wanted = to_dtype(index, int64)
    outside = (wanted.lt(-shape[at]) | wanted.ge(shape[at])).nonzero().reshape(-1).tolist()
    if outside:
        raise IndexError(f"index_select(): index contains {wanted[outside[0]].item()} that is out of range for tensor of "
                         f"size {list(shape)} at dimension {at}")
    wanted = wanted.remainder(max(shape[at], 1))
    input = coalesce(input)
    parts, count, many = input._a, sparse_dim(input), wanted._a.shape[0]
    new = (*shape[:at], many, *shape[at + 1:])
    if at >= count:
        return into(out, make_coo(parts.plain[0], parts.values.index_select(at - count + 1, wanted), new, True))
    here, there = pairs(parts.plain[0].select(0, at), wanted, shape[at])
    kept = parts.plain[0].index_select(1, here)
    indices = dense_cat([kept.narrow(0, 0, at), there.reshape(1, -1), kept.narrow(0, at + 1, count - at - 1)])
    return into(out, coalesce(make_coo(indices, rows_of(parts.values, here), new, False)))


def pairs(left, right, size):
    """All pairs of positions ``(a, b)`` with ``left[a] == right[b]``, of integer vectors with values below ``size``."""
    order = right.argsort(stable=True)
    many = sum_at(filled((right._a.shape[0],), 1, int64, right), right, size)
    starts = many.cumsum(0) - many
    each = rows_of(many, left)
    a = counting(left._a.shape[0], left).repeat_interleave(each)
    before = each.cumsum(0) - each
    inside = counting(a._a.shape[0], left) - rows_of(before, a)
    return a, rows_of(order, rows_of(rows_of(starts, left), a) + inside)


@implements("__getitem__")
def getitem(self, index):
    """Elements by ints, full slices, None, Ellipsis and one-dimensional index tensors.

    Raises:
        NotImplementedError: other slices, as in PyTorch.
    """
    items = index if isinstance(index, tuple) else (index,)
    n = len(self._a.shape)
    if any(i is Ellipsis for i in items):
        at = next(k for k, i in enumerate(items) if i is Ellipsis)
        taken = sum(i is not None and i is not Ellipsis for i in items)
        items = (*items[:at], *[slice(None)] * (n - taken), *items[at + 1:])
    if sum(i is not None for i in items) > n:
        raise IndexError(f"too many indices for tensor of dimension {n}")
    result, axis = self, 0
    for item in items:
        if item is None:
            result = unsqueeze(result, axis) if is_sparse(result) else result.unsqueeze(axis)
            axis += 1
        elif isinstance(item, slice):
            if item != slice(None) and item.indices(result._a.shape[axis]) != (0, result._a.shape[axis], 1):
                raise NotImplementedError(could_not_run("as_strided", dispatch_key(self)))
            axis += 1
        elif is_tensor(item) and item.dim() == 1:
            result = index_select(result, axis, item if item.dtype.category else item.nonzero().reshape(-1))
            axis += 1
        else:
            at, n = item.__index__(), result._a.shape[axis]
            if not -n <= at < n:
                raise IndexError(f"index {at} is out of bounds for dimension {axis} with size {n}")
            result = select(result, axis, at) if is_sparse(result) else result.select(axis, at)
    return result


@implements("unbind")
def unbind(input, dim=0):
    """The tensors along a dimension, as a tuple."""
    return tuple(select(input, dim, i) for i in range(input._a.shape[normalize_axis(dim, len(input._a.shape))]))


implements("__iter__")(lambda self: iter(unbind(self)))


def _operands(tensors, name):
    tensors = list(tensors)
    for n, t in enumerate(tensors):
        if not is_sparse(t):
            raise RuntimeError(f"Concatenating sparse tensors, but a dense tensor was found at position {n}."
                               if n else f"{name}: a dense tensor was found among sparse ones, at position 0")
    return tensors


@implements("cat", "concat", "concatenate")
def cat(tensors, dim=0, *, out=None):
    """COO tensors joined along a dimension.

    Raises:
        RuntimeError: a dense tensor among them, or sizes or numbers of sparse dimensions that differ.
    """
    tensors = [to_coo(t) for t in _operands(tensors, "cat")]
    first = tensors[0]
    n, count = len(first._a.shape), sparse_dim(first)
    at = normalize_axis(dim, n)
    for k, t in enumerate(tensors):
        if sparse_dim(t) != count or len(t._a.shape) != n:
            raise RuntimeError(f"All tensors must have the same number of sparse and dense dims: {count} and {n - count}, "
                               f"but tensor at position {k} has {sparse_dim(t)} and {dense_dim(t)}.")
        if any(a != b for d, (a, b) in enumerate(zip(t._a.shape, first._a.shape, strict=True)) if d != at):
            raise RuntimeError("All tensors must have the same shape: " + str(list(first._a.shape)) + " (except in the "
                               f"concatenating dimension), but found shape: {list(t._a.shape)} at position {k}.")
    dtype = common_dtype(tensors)
    shape = list(first._a.shape)
    shape[at] = sum(t._a.shape[at] for t in tensors)
    indices, values, start = [], [], 0
    for t in tensors:
        i, v = t._a.plain[0], to_dtype(t._a.values, dtype)
        if at < count:
            lead = [filled((1, i._a.shape[1]), start if d == at else 0, int64, i) for d in range(count)]
            i = i + dense_cat(lead)
        else:
            wide = v.new_zeros((v._a.shape[0], *shape[count:]))
            parts = [v.new_zeros((v._a.shape[0], *(m if d != at - count else k for d, m in enumerate(shape[count:]))))
                     for k in (start, shape[at] - start - t._a.shape[at])]
            v = dense_cat([parts[0], v, parts[1]], at - count + 1) if math.prod(shape) else wide
        indices.append(i)
        values.append(v)
        start += t._a.shape[at]
    return into(out, make_coo(dense_cat(indices, 1), dense_cat(values), shape, False))


@implements("stack")
def stack(tensors, dim=0, *, out=None):
    """COO tensors of one shape along a new dimension."""
    return cat([unsqueeze(t, dim) for t in _operands(tensors, "stack")], normalize_axis(dim, len(tensors[0]._a.shape) + 1),
               out=out)


@implements("squeeze", "narrow", "unsafe_chunk", "chunk", "split", "as_strided")
def _strided_only(input, *args, **kwargs):
    raise NotImplementedError(could_not_run("as_strided", dispatch_key(input)))


@implements("vstack", "hstack")
def _unsupported_join(tensors, *, out=None):
    raise NotImplementedError(could_not_run("as_strided", dispatch_key(tensors[0])))

