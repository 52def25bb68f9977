"""Elements by their position in the flattened tensor, on the diagonal, and one by one."""

from __future__ import annotations

import numpy as np

from plugtorch.autograd.base import wrap
from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes

from .creation import tensor
from .dispatch import inplace, is_tensor, normalize_axis, store
from .indexing import checked_index, nonzero, scatter_reduce
from .joining import cat
from .methods import exporter, inplace_twin, method
from .shaping import expand, reshape

__all__: list[str] = []
_export = exporter(__all__)


def _positions(name, index, count):
    """An index tensor of positions in a flat tensor, checked.

    Raises:
        RuntimeError: its dtype is not int64.
        IndexError: a position out of range.
    """
    if index.dtype is not dtypes.int64:
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {index.dtype.legacy}")
    try:
        return wrap(checked_index(index, count, 0), index._k)
    except IndexError as error:
        raise IndexError(f"out of range: tried to access an element of a tensor of {count} elements: {error}") from None


@_export
@method
@named("TakeBackward0")
def take(input, index, *, out=None):
    """Elements by their position in the flattened tensor."""
    i = _positions("take", index, input.numel())
    return store(out, apply("take", (reshape(input, (-1,)), i), {"axis": 0}))


@_export
@method
def put(input, index, source, accumulate=False):
    """A copy with the elements at positions in the flattened tensor replaced, or added to with ``accumulate``.

    Raises:
        RuntimeError: dtypes differ, or the index is not int64.
        IndexError: numbers of elements differ, or a position is out of range.
    """
    if source.dtype is not input.dtype:
        raise RuntimeError(f"put_(): self and source expected to have the same dtype, but got self.dtype = "
                           f"{input.dtype.legacy} and source.dtype = {source.dtype.legacy}")
    if source.numel() != index.numel():
        raise IndexError(f"put_(): Expected source and index to have the same number of elements, but got "
                         f"source.numel() = {source.numel()}, index.numel() = {index.numel()}")
    i = reshape(_positions("put_", index, input.numel()), (-1,))
    y = apply("index_put", (reshape(input, (-1,)), reshape(source, (-1,)), i), {"accumulate": bool(accumulate)})
    return reshape(y, tuple(input._a.shape))


inplace_twin(put)


@_export
def unravel_index(indices, shape):
    """Coordinates, one tensor per dimension, of positions in a flattened tensor of a shape.

    Raises:
        TypeError: indices are no integers.
        ValueError: a negative size.
    """
    if not is_tensor(indices) or indices.dtype.category != dtypes.INT:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {getattr(indices, 'dtype', type(indices))}")
    shape = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"'shape' cannot have negative values, but got {shape}")
    columns = []
    for n in reversed(shape):
        columns.insert(0, indices % n)
        indices = indices // n
    return tuple(columns)


@_export
@method
def fill_diagonal_(input, fill_value, wrap=False):
    """Writes a number on the main diagonal; with ``wrap`` it starts again below the end of a tall matrix.

    Raises:
        RuntimeError: fewer than two dimensions, or more than two of different sizes.
    """
    ndim, shape = input.dim(), tuple(input._a.shape)
    if ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if ndim > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    n = min(shape)
    if ndim == 2 and wrap and shape[0] > shape[1]:
        rows = np.arange(shape[0])
        rows = rows[rows % (shape[1] + 1) < shape[1]]
        columns = rows % (shape[1] + 1)
    else:
        rows = columns = np.arange(n)
    mask = np.zeros(shape, dtype=bool)
    mask[(rows, columns) if ndim == 2 else (rows,) * ndim] = True
    where = _of_host(mask, input)
    return input.masked_fill_(where, fill_value)


def _of_host(array, like):
    return wrap(like._k.from_host(array, device=like.device), like._k)


def _refuse_grad(t, name):
    if t._req:
        raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")
    if t.device.type != "cpu":
        raise TypeError(f"{name} is only implemented on CPU tensors")


@method
def apply_(self, callable):
    """Replaces every element by ``callable(element)``; slow, element by element in Python."""
    _refuse_grad(self, "apply_")
    values = [callable(v) for v in self.reshape(-1).tolist()]
    return _write_all(self, values)


@method
def map_(self, tensor, callable):
    """Replaces every element by ``callable(element, other)`` with the elements of another tensor."""
    _refuse_grad(self, "map_")
    _refuse_grad(tensor, "map_")
    other = expand(tensor, *self._a.shape).reshape(-1).tolist()
    return _write_all(self, [callable(a, b) for a, b in zip(self.reshape(-1).tolist(), other, strict=True)])


def _write_all(t, values):
    array = np.array(values).astype(t.dtype.numpy).reshape(tuple(t._a.shape))
    return inplace(t, lambda x: _of_host(array, x))


@_export
@method
def index_reduce(input, dim, index, source, reduce, *, include_self=True, out=None):
    """A copy with the rows of ``source`` combined into those at ``index``: prod, mean, amax or amin."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    at = normalize_axis(dim, input.dim())
    rows = reshape(index, tuple(-1 if d == at else 1 for d in range(input.dim()))).to(dtypes.int64)
    return store(out, scatter_reduce(input, at, expand(rows, *source._a.shape), source, reduce,
                                     include_self=include_self))


inplace_twin(index_reduce)


def _triangle_indices(name, keep):
    def function(row, col, offset=0, *, dtype=dtypes.int64, layout=None, device=None, pin_memory=False):
        for what, n in (("row", row), ("col", col)):
            if n < 0:
                raise RuntimeError(f"{what} must be non-negative, got{n}")
        rows, columns = np.nonzero(keep(np.ones((row, col), dtype=bool), offset))
        return tensor(np.stack([rows, columns]), dtype=dtype, device=device)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (f"(2, count) rows and columns of the {'lower' if name.startswith('tril') else 'upper'} triangle "
                        f"of a matrix, row by row, with the diagonal at ``offset``.")
    return _export(function)


tril_indices, triu_indices = _triangle_indices("tril_indices", np.tril), _triangle_indices("triu_indices", np.triu)


@_export
@method
def nonzero_static(input, *, size, fill_value=-1, out=None):
    """(size, ndim) coordinates of the first elements that are not zero; rows beyond their number hold ``fill_value``.

    Raises:
        RuntimeError: a negative size.
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, but got {size}")
    rows = nonzero(input)
    have = rows._a.shape[0]
    if have < size:
        rows = cat([rows, rows.new_full((size - have, input.dim()), fill_value)], 0)
    return store(out, rows[:size].clone())
