"""``x[...]`` and its kin: reading and writing by index, mask and position."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.autograd.aliasing import view as make_view
from plugtorch.autograd.base import wrap
from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import BOOL, FLOAT, INT

from .amp.casting import autocasts
from .creation import as_tensor, tensor
from .dispatch import (
    as_number,
    inplace,
    is_tensor,
    normalize_axis,
    require_tensor,
    store,
    to_dtype,
    transfer_like,
)
from .methods import exporter, inplace_twin, method
from .selection import where
from .shaping import expand, reshape, select, slice_view
from .strides import is_contiguous

__all__: list[str] = []
_export = exporter(__all__)


# Checking indices.

def checked_index(index, size, dim, what="index", negative=True):
    """An index tensor's array: int64, in range, without negatives (which count from the end, if they may).

    Raises:
        IndexError: a value out of range (PyTorch's wording), or a dtype that cannot index.
    """
    k, a = index._k, index._a
    category = k.dtype_of(a).category
    if category >= FLOAT:
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    a = k.cast(a, dtype=dtypes.int64)
    if math.prod(a.shape) == 0:
        return a
    known = k.bounds(a)
    if known is None:  # a value that a recorded program computes
        return k.where(k.lt(a, 0), k.add(a, size), a) if negative else a
    low, high = known
    if low < 0 and not negative:
        raise IndexError(f"{what} {low} is out of bounds for dimension {dim} with size {size}")
    if low < -size or high >= size:
        bad = low if low < -size else high
        raise IndexError(f"{what} {bad} is out of bounds for dimension {dim} with size {size}")
    if low < 0:
        a = k.where(k.lt(a, 0), k.add(a, size), a)
    return a


def _mask_indices(mask, shape, dim):
    """A boolean mask over the axes from ``dim`` as one index tensor per axis."""
    sizes = tuple(mask._a.shape)
    for j, n in enumerate(sizes):
        if dim + j >= len(shape) or shape[dim + j] != n:
            raise IndexError(f"The shape of the mask {list(sizes)} at index {j} does not match the shape of the indexed "
                             f"tensor {list(shape)} at index {dim + j}")
    if mask._k.level:
        mask._k.refuse_mask(mask)
    where = mask._k.nonzero(mask._a)
    columns = []
    for j in range(len(sizes)):
        column = mask._k.slice(where, start=(0, j), stop=(where.shape[0], j + 1), step=(1, 1))
        columns.append(wrap(mask._k.reshape(column, shape=(where.shape[0],)), mask._k))
    return columns


# Parsing.

def _is_plain(item):
    kind = type(item)
    return kind is int or kind is slice or item is None or item is Ellipsis


def _as_item(item, like):
    """One entry of an index expression, with sequences and arrays as tensors and 0-d integers as numbers."""
    if _is_plain(item) or isinstance(item, bool):
        return item
    if isinstance(item, slice):
        return item
    if is_tensor(item):
        if not item._a.shape and item.dtype.category == INT and item.dtype is not dtypes.uint8 and not item._k.level:
            return item.item()
        return item
    if isinstance(item, (list, tuple, range, np.ndarray)):
        if isinstance(item, np.ndarray):
            t = as_tensor(item) if all(s >= 0 for s in item.strides) else as_tensor(item.copy())
        else:
            t = _list_index(item)
        return transfer_like(t, like)
    if hasattr(item, "__index__"):
        return item.__index__()
    if isinstance(item, str):
        raise TypeError("new(): invalid data type 'str'")
    raise IndexError("only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
                     f"(got {_type_name(item)})")


def _type_name(value):
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _list_index(items):
    items = list(items)
    bad = next((i for i in items if isinstance(i, str)), None)
    if bad is not None:
        raise TypeError("new(): invalid data type 'str'")
    t = tensor([i.tolist() if is_tensor(i) else i for i in items]) if items else tensor([], dtype=dtypes.int64)
    return to_dtype(t, dtypes.int64) if t.dtype.category == FLOAT else t


def _consumed(item):
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    if is_tensor(item) and item.dtype in (dtypes.bool_, dtypes.uint8):
        return item.dim()
    return 1


def parse(x, index):
    """Splits an index expression.

    Returns:
        ``(view, tensors)``: the view by its plain part, and for each of the view's leading dimensions an
        index tensor or None; ``tensors`` is empty for a plain index.
    """
    items = index if type(index) is tuple else (index,)
    if type(index) is list and len(index) < 32 and any(
            i is None or i is Ellipsis or isinstance(i, (list, tuple, slice)) or is_tensor(i) and i.dim() for i in index):
        items = tuple(index)  # a short list that holds sequences is read as a tuple
    if not all(map(_is_plain, items)):
        items = tuple(_as_item(i, x) for i in items)
    shape = tuple(x._a.shape)
    used = sum(map(_consumed, items))
    if not shape and any(isinstance(i, slice) for i in items):
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    if used > len(shape):
        if not shape and len(items) == 1 and type(items[0]) is int:
            raise IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
                             "to convert a 0-dim tensor to a number")
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    if any(i is Ellipsis for i in items):
        at = next(n for n, i in enumerate(items) if i is Ellipsis)
        rest = tuple(slice(None) if i is Ellipsis else i for i in items[at + 1:])
        items = (*items[:at], *(slice(None),) * (len(shape) - used), *rest)
    start, stop, step = [0] * len(shape), list(shape), [1] * len(shape)
    result, tensors, picks, sliced, spaced, dim, last = [], [], [], False, False, 0, None
    for item in items:
        if type(item) is int:
            n = shape[dim]
            if not -n <= item < n:
                raise IndexError(f"index {item} is out of bounds for dimension {dim} with size {n}")
            picks.append((dim, item % n))
            last = "SelectBackward0"
            dim += 1
        elif isinstance(item, slice):
            a, b, s = _slice_bounds(item, shape[dim])
            if a or b != shape[dim] or s != 1:
                start[dim], stop[dim], step[dim] = a, b, s
                sliced, last = True, "SliceBackward0"
            result.append(len(range(a, b, s)))
            tensors.append(None)
            dim += 1
        elif item is None:
            result.append(1)
            tensors.append(None)
            spaced, last = True, "UnsqueezeBackward0"
        elif isinstance(item, bool) or item.dtype in (dtypes.bool_, dtypes.uint8) and not item.dim():
            result.append(1)
            spaced = True
            tensors.append(tensor([0] if item else [], dtype=dtypes.int64, device=x.device))
        elif item.dtype in (dtypes.bool_, dtypes.uint8):
            columns = _mask_indices(to_dtype(item, dtypes.bool_), shape, dim)
            result.extend(shape[dim:dim + len(columns)])
            tensors.extend(columns)
            dim += len(columns)
        else:
            if item.dtype not in (dtypes.int64, dtypes.int32):
                raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
            result.append(shape[dim])
            tensors.append(item)
            dim += 1
    result.extend(shape[dim:])
    v = x
    if sliced:
        v = make_view(v, "slice", {"start": tuple(start), "stop": tuple(stop), "step": tuple(step)}, None,
                      None if picks or spaced else last)
    for at, n in reversed(picks):
        v = make_view(v, "select", {"axis": at, "index": n}, None, last)
    if spaced:
        v = make_view(v, "reshape", {"shape": tuple(result)}, None, last or "UnsqueezeBackward0")
    if not any(t is not None for t in tensors):
        tensors = []
    return v, tensors


def _slice_bounds(item, n):
    """``(start, stop, step)`` of a slice of a dimension of size n, with start <= stop."""
    a, b, s = item.start, item.stop, item.step
    if s is not None and _slice_bound(s) <= 0:
        raise ValueError("step must be greater than zero" if _slice_bound(s) else "slice step cannot be zero")
    if type(a) is type(b) is int and s is None and 0 <= a <= b <= n:
        return a, b, 1
    a, b, s = slice(*(v if v is None or type(v) is int else _slice_bound(v) for v in (a, b, s))).indices(n)
    return a, max(a, b), s


def _slice_bound(value):
    """An int from anything that stands for one.

    Raises:
        TypeError: it stands for none.
    """
    if type(value) is int:
        return value
    if hasattr(value, "__index__"):
        return value.__index__()
    raise TypeError("slice indices must be integers or None or have an __index__ method")


def _raw_indices(v, tensors):
    shape = tuple(v._a.shape)
    raw = []
    for d, t in enumerate(tensors):
        if t is not None:
            t = transfer_like(t, v)
            t = wrap(checked_index(t, shape[d], d), t._k)
        raw.append(t)
    while raw and raw[-1] is None:
        raw.pop()
    sizes = [tuple(t._a.shape) for t in raw if t is not None]
    try:
        np.broadcast_shapes(*sizes)
    except ValueError:
        raise IndexError("shape mismatch: indexing tensors could not be broadcast together with shapes "
                         + ", ".join(str(list(s)) for s in sizes)) from None
    return tuple(raw)


@method
def __getitem__(self, index):
    # The two ordinary forms go straight to their view.
    kind = type(index)
    if kind is int:
        shape = self._a.shape
        if shape and -shape[0] <= index < shape[0]:
            return make_view(self, "select", {"axis": 0, "index": index if index >= 0 else index + shape[0]})
    elif kind is slice:
        shape = self._a.shape
        if shape:
            a, b, s = _slice_bounds(index, shape[0])
            rest = shape[1:]
            zeros = (0,) * len(rest)
            return make_view(self, "slice", {"start": (a, *zeros), "stop": (b, *rest), "step": (s, *(1,) * len(rest))})
    v, tensors = parse(self, index)
    if tensors:
        return apply("index", (v, *_raw_indices(v, tensors)))
    if v is not self:
        return v
    return make_view(self, "reshape", {"shape": tuple(self._a.shape)}, None, "AliasBackward0")


def _as_value(value, like):
    if is_tensor(value):
        return transfer_like(value, like) if value.dim() == 0 or value._k is like._k else value
    if not isinstance(value, (bool, int, float, complex, np.integer, np.bool_)):
        raise TypeError(f"can't assign a {_type_name(value)} to a {like.type()}")
    return tensor(as_number(value), dtype=like.dtype, device=like.device)


def _drop_leading_ones(value, ndim):
    while value.dim() > ndim and value._a.shape[0] == 1:
        value = select(value, 0, 0)
    return value


@method
def __setitem__(self, index, value):
    v, tensors = parse(self, index)
    value = _as_value(value, self)
    if not tensors:
        target = v
        shape = tuple(target._a.shape)
        value = _drop_leading_ones(value, len(shape))
        if v is self and tuple(value._a.shape) == shape:
            self.copy_(value)
            return
        target.copy_(value)
        return
    if _never(index):
        return
    if value.dtype is not v.dtype and not value.dim():
        value = to_dtype(value, v.dtype)
    if value.numel() == 1 and _one_byte_mask(index):
        raise RuntimeError("masked_fill_ only supports boolean masks, but got mask with dtype unsigned char")
    inplace(v, _index_put, tuple(tensors), value)


def _never(index):
    """Whether an index expression selects nothing by a plain ``False``."""
    return any(i is False for i in (index if type(index) is tuple else (index,)))


def _one_byte_mask(index):
    items = [i for i in (index if type(index) is tuple else (index,)) if is_tensor(i)]
    return len(items) == 1 and items[0].dtype is dtypes.uint8 and items[0].dim() > 0


# Functions.

def _index_put(self, indices, values, accumulate=False):
    tensors = []
    if sum(map(_consumed, indices)) + sum(t is None for t in indices) > self.dim():
        raise IndexError(f"too many indices for tensor of dimension {self.dim()} (got {len(indices)})")
    for t in indices:
        if t is not None and t.dtype in (dtypes.bool_, dtypes.uint8):
            tensors.extend(_mask_indices(to_dtype(t, dtypes.bool_), tuple(self._a.shape), len(tensors)))
        else:
            tensors.append(t)
    raw = _raw_indices(self, tensors)
    if values.dtype is not self.dtype:
        raise RuntimeError("Index put requires the source and destination dtypes match, got "
                           f"{self.dtype.legacy} for the destination and {values.dtype.legacy} for the source.")
    from plugtorch.spec.ops.index import indexed_shape

    want = indexed_shape(tuple(self._a.shape), raw_abstract(raw))
    values = _drop_leading_ones(values, len(want))
    try:
        fits = np.broadcast_shapes(tuple(values._a.shape), want) == tuple(want)
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(f"shape mismatch: value tensor of shape {list(values._a.shape)} cannot be broadcast to "
                           f"indexing result of shape {list(want)}")
    return apply("index_put", (self, values, *raw), {"accumulate": accumulate})


def raw_abstract(raw):
    """Index tensors as objects with a shape, None kept."""
    return tuple(None if t is None else t._a for t in raw)


@_export
@method
@autocasts
def index_put(input, indices, values, accumulate=False):
    """A copy with ``input[indices] = values``; ``accumulate`` adds, also for duplicates."""
    _require_tensors(indices)
    return _index_put(input, indices, values, accumulate)


@_export
@method
def index_put_(self, indices, values, accumulate=False):
    """In-place version of :func:`index_put`."""
    _require_tensors(indices)
    return inplace(self, _index_put, indices, values, accumulate)


def _require_tensors(indices):
    for n, i in enumerate(indices):
        if not is_tensor(i):
            raise TypeError(f"expected Tensor as element {n} in argument 0, but got {type(i).__name__}")


def _one_dim_index(index, name):
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32 or int64 for index but got: {index.dtype.legacy}")
    if index.dim() > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, but got dim: {index.dim()} with shape "
                         f"{list(index._a.shape)}")
    return reshape(index, (-1,)) if index.dim() == 0 else index


@_export
@method
def index_select(input, dim, index, *, out=None):
    """Entries of a dimension chosen by a 1-d index."""
    index = _one_dim_index(index, "index_select")
    at = normalize_axis(dim, input.dim())
    if input.dim() == 0:
        checked_index(index, 1, 0)
        return store(out, input.clone())
    try:
        i = wrap(checked_index(index, input._a.shape[at], at, "index out of range in self: index", False), index._k)
    except IndexError as error:
        if at and is_contiguous(input):
            raise RuntimeError(f"INDICES element is out of DATA bounds, axis_dim={input._a.shape[at]}: {error}") from None
        raise
    return store(out, apply("take", (input, i), {"axis": at}))


def _check_gather(input, index, dim, name):
    require_tensor(index, name, "index")
    if index.dtype not in (dtypes.int64, dtypes.int32) and index.numel():
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    if index.numel() == 0:
        return normalize_axis(dim, input.dim())
    if max(input.dim(), 1) != max(index.dim(), 1):
        owner = "input" if name == "gather" else "self"
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {owner} tensor")
    at = normalize_axis(dim, input.dim())
    for d, (n, m) in enumerate(zip(index._a.shape, input._a.shape, strict=False)):
        if d != at and n > m:
            raise RuntimeError(f"Size does not match at dimension {d} expected index {list(index._a.shape)} to be no "
                               f"larger than self {list(input._a.shape)} apart from dimension {at}")
    return at


@_export
@method
def gather(input, dim, index, *, sparse_grad=False, out=None):
    """``y[i][j] = input[index[i][j]][j]`` for dim 0, and so on.

    Raises:
        RuntimeError: ranks differ, or the index is larger on another dimension; an index out of range.
    """
    at = _check_gather(input, index, dim, "gather")
    if out is not None and out.dtype is not input.dtype:
        raise RuntimeError(f"Expected out tensor to have dtype {input.dtype.name}, but got {out.dtype.name} instead")
    if index.numel() == 0:
        return store(out, (input.reshape(-1)[:0].reshape(tuple(index._a.shape))))
    try:
        i = wrap(checked_index(index, input._a.shape[at] if input.dim() else 1, at, negative=False), index._k)
    except IndexError as error:
        raise RuntimeError(str(error)) from None
    return store(out, apply("gather", (input, i), {"axis": at}))


@_export
@method
def take_along_dim(input, indices, dim=None, *, out=None):
    """Gather with broadcasting; flat without ``dim``."""
    if dim is None:
        input, indices, dim = reshape(input, (-1,)), reshape(indices, (-1,)), 0
    at = normalize_axis(dim, input.dim())
    n = input._a.shape[at] if input.dim() else 1
    indices = indices + n * (indices < 0).to(indices.dtype)
    shape = list(np.broadcast_shapes(*[tuple(1 if d == at else n for d, n in enumerate(t._a.shape))
                                       for t in (input, indices)]))
    a, b = list(shape), list(shape)
    a[at], b[at] = input._a.shape[at], indices._a.shape[at]
    return store(out, gather(expand(input, *a), at, expand(indices, *b)))


_REDUCE = {"add": "add", "sum": "add", "multiply": "mul", "prod": "mul", "amax": "max", "amin": "min"}


def _scatter(input, dim, index, src, mode):
    at = _check_gather(input, index, dim, "scatter")
    if index.numel() == 0:
        return input.clone()
    try:
        i = wrap(checked_index(index, input._a.shape[at] if input.dim() else 1, at, negative=False), index._k)
    except IndexError as error:
        raise RuntimeError(str(error)) from None
    if not is_tensor(src):
        src = expand(tensor(as_number(src), dtype=input.dtype, device=input.device), *index._a.shape)
    if src.dtype is not input.dtype:
        raise RuntimeError(f"scatter(): Expected self.dtype to be equal to src.dtype, got {input.dtype!r} and "
                           f"{src.dtype!r}")
    for d, (n, m) in enumerate(zip(index._a.shape, src._a.shape, strict=False)):
        if n > m:
            raise RuntimeError(f"Expected index {list(index._a.shape)} to be no larger than src "
                               f"{list(src._a.shape)} apart from dimension {at} (at dimension {d})")
    return apply("scatter", (input, i, src), {"axis": at, "mode": mode})


@_export
@method
@named(lambda input, dim, index, src=None, **kw: f"ScatterBackward{int(not is_tensor(src))}")
def scatter(input, dim, index, src=None, *, value=None, reduce=None, out=None):
    """A copy with values of ``src`` (or one number) written where gather would read; ``reduce`` "add" or "multiply"
    combines."""
    if src is None:
        src = value
    return store(out, _scatter(input, dim, index, src, _REDUCE[reduce] if reduce else "set"))


@_export
@method
@named("ScatterAddBackward0")
@autocasts
def scatter_add(input, dim, index, src, *, out=None):
    """A copy with values of ``src`` added where gather would read."""
    return store(out, _scatter(input, dim, index, src, "add"))


@_export
@method
@named("ScatterReduceBackward0")
def scatter_reduce(input, dim, index, src, reduce, *, include_self=True, out=None):
    """A copy with values combined where gather would read: sum, prod, mean, amax or amin."""
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    base = input
    if not include_self:
        floating = input.dtype.category >= FLOAT
        start = {"sum": 0, "mean": 0, "prod": 1}.get(reduce)
        if start is None:
            from .info import iinfo

            largest = reduce == "amin"
            if input.dtype.category == BOOL:
                start = largest
            elif floating:
                start = math.inf if largest else -math.inf
            else:
                start = iinfo(input.dtype).max if largest else iinfo(input.dtype).min
        base = scatter(input, dim, index, start)
    result = _scatter(base, dim, index, src, _REDUCE["sum" if reduce == "mean" else reduce])
    if reduce == "mean":
        ones = src.detach() * 0 + 1
        count = _scatter((input.detach() * 0 + 1) if include_self else scatter(
            input.detach() * 0 + 1, dim, index, 0), dim, index, ones, "add")
        count = count.masked_fill(count.eq(0), 1)
        result = result / count if result.dtype.category >= FLOAT else result // count
    return store(out, result)


def _rows(input, index, source, dim, name):
    at = normalize_axis(dim, input.dim())
    index = _one_dim_index(index, name)
    if input.dim() == 0:
        input, source = reshape(input, (1,)), reshape(source, (1,))
    if source.dtype is not input.dtype:
        raise RuntimeError(f"{name}_(): self ({input.dtype.legacy}) and source ({source.dtype.legacy}) must have the "
                           "same scalar type")
    i = wrap(checked_index(index, input._a.shape[at], at, negative=False), index._k)
    if source.dim() == input.dim() and source._a.shape[at] != i._a.shape[0]:
        kind = IndexError if name == "index_copy" else RuntimeError
        raise kind(f"{name}_(): Number of indices ({i._a.shape[0]}) should be equal to source.size(dim) "
                   f"({source._a.shape[at]}), for dim: {at}")
    if source.dim() < input.dim():
        source = reshape(source, tuple(i._a.shape) + tuple(input._a.shape[1:])) if source.dim() else source
    return input, i, source, at


@_export
@method
def index_add(input, dim, index, source, *, alpha=1, out=None):
    """A copy with ``alpha`` times the rows of ``source`` added at ``index`` along a dimension; duplicates add up."""
    shape = tuple(input._a.shape)
    x, i, s, at = _rows(input, index, source, dim, "index_add")
    y = apply("index_add", (x, i, s if alpha == 1 else s * alpha), {"axis": at})
    return store(out, reshape(y, shape) if not shape else y)


@_export
@method
@named("IndexCopyBackward0")
@autocasts
def index_copy(input, dim, index, source, *, out=None):
    """A copy with the rows of ``source`` written at ``index`` along a dimension."""
    shape = tuple(input._a.shape)
    x, i, s, at = _rows(input, index, source, dim, "index_copy")
    y = apply("index_put", (x, s, *(None,) * at, i))
    return store(out, reshape(y, shape) if not shape else y)


@_export
@method
@named("IndexFillBackward0")
def index_fill(input, dim, index, value):
    """A copy with one number written at ``index`` along a dimension."""
    at = normalize_axis(dim, input.dim())
    index = _one_dim_index(index, "index_fill")
    shape = tuple(input._a.shape)
    x = input if shape else reshape(input, (1,))
    i = wrap(checked_index(index, x._a.shape[at], at), index._k)
    if is_tensor(value) and value.dim():
        raise RuntimeError("index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                           f"{value.dim()} dimension(s).")
    if is_tensor(value) and value._req:  # an element counts once in the value's gradient, however often it is named
        rows = apply("index_put", (transfer_like(tensor([False] * x._a.shape[at]), x), transfer_like(tensor(True), x), i))
        y = where(reshape(rows, tuple(-1 if d == at else 1 for d in range(x.dim()))), to_dtype(value, input.dtype), x)
        return y if shape else reshape(y, ())
    value = to_dtype(value, input.dtype) if is_tensor(value) else tensor(value, dtype=input.dtype, device=input.device)
    y = apply("index_put", (x, value, *(None,) * at, i))
    return y if shape else reshape(y, ())


@_export
@method
@named("MaskedSelectBackward0")
def masked_select(input, mask, *, out=None):
    """The elements where the mask is true, in C order, in one dimension."""
    if mask.dtype.category != BOOL:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = np.broadcast_shapes(tuple(input._a.shape), tuple(mask._a.shape))
    flat, m = reshape(expand(input, *shape), (-1,)), reshape(expand(mask, *shape), (-1,))
    return store(out, apply("index", (flat, *_mask_indices(m, tuple(m._a.shape), 0))))


@_export
@method
@named("MaskedScatterBackward0")
def masked_scatter(input, mask, source):
    """A copy with the true places filled, in order, from the elements of ``source``."""
    if mask.dtype.category != BOOL:
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype.legacy}")
    if source.dtype is not input.dtype:
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes but got {input.dtype.legacy} and "
                           f"{source.dtype.legacy}")
    shape = tuple(np.broadcast_shapes(tuple(input._a.shape), tuple(mask._a.shape)))
    flat, m = reshape(expand(input, *shape), (-1,)), reshape(expand(mask, *shape), (-1,))
    if m._k.level:  # where the true places are is not known
        order = apply("cumsum", (to_dtype(m, dtypes.int64),), {"axis": 0}).sub(1).clamp(0, max(source.numel() - 1, 0))
        picked = apply("take", (reshape(source, (-1,)), order), {"axis": 0})
        return reshape(apply("where", (m, picked, flat)), shape)
    where = _mask_indices(m, tuple(m._a.shape), 0)[0]
    count = where._a.shape[0]
    if source.numel() < count:
        raise RuntimeError(f"Number of elements of source < number of ones in mask: {source.numel()} < {count}")
    values = slice_view(reshape(source, (-1,)), 0, 0, count, 1)
    return reshape(apply("index_put", (flat, values, where)), shape)


@_export
@method
def nonzero(input, *, out=None, as_tuple=False):
    """(count, ndim) int64 coordinates of the elements that are not zero; as a tuple of columns if wanted."""
    k = input._k
    a = input._a
    if as_tuple and not a.shape:
        a = k.reshape(a, shape=(1,))
    rows = wrap(k.nonzero(a), k)
    if not as_tuple:
        return store(out, rows)
    return tuple(select(rows, 1, d).contiguous() for d in range(len(a.shape)))


@_export
@method
def argwhere(input):
    """Coordinates of the elements that are not zero."""
    return nonzero(input)


for _function in (scatter, scatter_add, scatter_reduce, index_add, index_copy, index_fill, masked_scatter):
    inplace_twin(_function)


def scattered_view(input, src, view_of, node_name):
    """A copy of input with the part that ``view_of`` gives of a tensor replaced by ``src``.

    Raises:
        RuntimeError: src has not the shape of that part.
    """
    y = input.clone()
    part = view_of(y)
    if tuple(part._a.shape) != tuple(src._a.shape):
        raise RuntimeError(f"expected src to have a size equal to the slice of self. src size = {list(src._a.shape)}, "
                           f"slice size = {list(part._a.shape)}")
    part.copy_(src)
    if y._node is not None:
        y._node.extra = node_name
    return y


@_export
@method
def select_scatter(input, src, dim, index):
    """A copy with one entry of a dimension replaced."""
    return scattered_view(input, src, lambda y: select(y, dim, index), "SelectScatterBackward0")


@_export
@method
def slice_scatter(input, src, dim=0, start=None, end=None, step=1, *, out=None):
    """A copy with a slice of a dimension replaced."""
    at = normalize_axis(dim, input.dim())
    a, b, s = slice(start, end, step).indices(input._a.shape[at])
    return store(out, scattered_view(input, src, lambda y: slice_view(y, at, a, max(a, b), s), "SliceScatterBackward0"))


@_export
@method
def diagonal_scatter(input, src, offset=0, dim1=0, dim2=1):
    """A copy with a diagonal replaced."""
    return scattered_view(input, src, lambda y: y.diagonal(offset, dim1, dim2), "DiagonalScatterBackward0")


@_export
def repeat_interleave(input, repeats=None, dim=None, *, output_size=None):
    """Each entry repeated, all alike or by a list of counts."""
    if repeats is None:
        return repeat_interleave_index(input)
    if dim is None:
        input, dim = reshape(input, (-1,)), 0
    at = normalize_axis(dim, input.dim())
    n = input._a.shape[at]
    if not is_tensor(repeats):
        counts = [int(repeats)] * n if isinstance(repeats, int) else list(repeats)
        repeats = tensor(counts, dtype=dtypes.int64)
    elif repeats.numel() == 1:
        repeats = expand(reshape(repeats, (1,)), n)
    if repeats.numel() != n:
        raise RuntimeError(f"repeats must have the same size as input along dim, but got repeats.size(0) = "
                           f"{repeats.numel()} and input.size({at}) = {n}")
    return index_select(input, at, repeat_interleave_index(transfer_like(repeats, input)))


method(repeat_interleave)


def repeat_interleave_index(repeats):
    """The index that repeats entry i ``repeats[i]`` times."""
    counts = np.asarray(repeats._k.to_host(repeats._a))
    if (counts < 0).any():
        raise RuntimeError("repeats can not be negative")
    flat = np.repeat(np.arange(len(counts)), counts)
    return wrap(repeats._k.from_host(flat.astype(np.int64), device=repeats.device), repeats._k)


