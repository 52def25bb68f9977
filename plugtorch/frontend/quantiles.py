"""Values by their rank or their frequency: quantiles, medians without nan, the most frequent value."""

from __future__ import annotations

import math

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import COMPLEX

from .amp.casting import autocasts
from .creation import arange, scalar_tensor
from .dispatch import is_tensor, normalize_axis, require_tensor, store, to_dtype, transfer_like
from .indexing import gather
from .methods import exporter, method
from .return_types import struct
from .scans import cummax
from .selection import where
from .shaping import expand, movedim, narrow, reshape, squeeze
from .sorting import middle_value
from .unsupported import refuse

__all__: list[str] = []
_export = exporter(__all__)

ModeResult = struct("mode", ["values", "indices"])
NanmedianResult = struct("nanmedian", ["values", "indices"])
INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _checked_q(name, input, q):
    """The wanted fractions as a tensor of the input's dtype.

    Raises:
        RuntimeError: more than one dimension, another dtype, or a fraction outside [0, 1].
    """
    if not is_tensor(q):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        return transfer_like(scalar_tensor(q, dtype=input.dtype), input)
    if q.dim() > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q.dtype is not input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if not q._k.level and q.numel() and not bool(((q >= 0) & (q <= 1)).all()):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    return q


def _quantile(name, input, q, dim, keepdim, interpolation, ignore_nan):
    require_tensor(input, name)
    if not input.numel():
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    q = _checked_q(name, input, q)
    if interpolation not in INTERPOLATIONS:
        raise RuntimeError(f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
                           f"{interpolation}")
    axis = None if dim is None else normalize_axis(dim, input.dim())
    flat = axis is None or not input.dim()
    rows = reshape(input, (-1,)) if flat else movedim(input, axis, -1)
    values = apply("sort", (rows,), {"axis": rows.dim() - 1, "descending": False})[0]
    n = rows._a.shape[-1]
    counted = rows.detach().isnan().sum(-1, keepdim=True)
    fractions = reshape(q, (-1,))
    if ignore_nan:
        ranks = fractions * to_dtype(n - counted - 1, input.dtype).clamp(min=0)
    else:
        ranks = where(counted > 0, float(n - 1), fractions * (n - 1))
    if interpolation in ("lower", "higher", "nearest"):
        ranks = {"lower": ranks.floor, "higher": ranks.ceil, "nearest": ranks.round}[interpolation]()
        found = gather(values, -1, to_dtype(ranks, dtypes.int64))
    else:
        below = ranks.floor()
        weight = (ranks - below) if interpolation == "linear" else 0.5
        found = gather(values, -1, to_dtype(below, dtypes.int64)).lerp(
            gather(values, -1, to_dtype(ranks.ceil(), dtypes.int64)), weight)
    shape = [1] * input.dim() if flat else list(rows._a.shape[:-1])
    if flat:
        found = reshape(found, (-1,)) if not keepdim else reshape(found, (*shape, -1))
    elif keepdim:
        found = found.unsqueeze(axis)
    return movedim(found, -1, 0) if q.dim() else squeeze(found, -1)


@_export
@method
@autocasts
def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
    """The q-quantiles of all elements or along a dimension: the values of rank ``q (n - 1)`` in order, interpolated.

    Args:
        input: float32 or float64, not empty.
        q: a number, or a tensor of at most one dimension and the input's dtype, in [0, 1]; with a 1-d tensor the result has
            a leading dimension of its size.
        dim: the dimension, or None for all elements.
        interpolation: between the two neighbours of a rank that is not whole: linear, lower, higher, midpoint, nearest.

    Raises:
        RuntimeError: an empty input, another dtype, or q out of range.
    """
    return store(out, _quantile("quantile", input, q, dim, keepdim, interpolation, False))


@_export
@method
@autocasts
def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
    """:func:`quantile` of the elements that are not nan; nan where there are none."""
    return store(out, _quantile("nanquantile", input, q, dim, keepdim, interpolation, True))


@_export
@method
@named(lambda input, dim=None, *args, **kwargs: f"NanmedianBackward{int(dim is not None)}")
def nanmedian(input, dim=None, keepdim=False, *, out=None):
    """The middle value (the lower of two) of the elements that are not nan; along a dimension also its index."""
    refuse("median", require_tensor(input, "nanmedian").dtype)
    if dim is None:
        flat = reshape(input, (-1,))
        return middle_value(input, lambda: _nanmedian(flat, 0, False)[0]) if input.numel() else input.new_full((), math.nan)
    axis = normalize_axis(dim, input.dim())
    if not input.dim():
        return store(out, NanmedianResult(*apply("sort", (input,), {"axis": 0, "descending": False})))
    return store(out, NanmedianResult(*_nanmedian(input, axis, keepdim)))


def _nanmedian(x, axis, keepdim):
    n = x._a.shape[axis]
    if n == 0:
        raise IndexError(f"nanmedian(): Expected reduction dim {axis} to have non-zero size.")
    order = apply("sort", (x.detach(),), {"axis": axis, "descending": False})[1]
    count = x.detach().isnan().logical_not().sum(axis, keepdim=True)
    at = gather(order, axis, ((count - 1).clamp(min=0)) // 2)
    values = gather(x, axis, at)
    return (values, at) if keepdim else (squeeze(values, axis), squeeze(at, axis))


@_export
@method
@named("ModeBackward0")
def mode(input, dim=-1, keepdim=False, *, out=None):
    """The most frequent value along a dimension, the smallest of those that are equally frequent, and the index of its last
    occurrence.

    Raises:
        IndexError: the dimension is empty.
        RuntimeError: complex values.
    """
    if require_tensor(input, "mode").dtype.category == COMPLEX:
        raise NotImplementedError(f"\"mode\" not implemented for '{input.dtype.legacy}'")
    axis = normalize_axis(dim, input.dim())
    if not input.dim():
        return store(out, ModeResult(input.clone(), to_dtype(input.detach() != input.detach(), dtypes.int64) * 0))
    n = input._a.shape[axis]
    if n == 0:
        raise IndexError(f"mode(): Expected reduction dim {axis} to have non-zero size.")
    values, order = apply("sort", (input.detach(),), {"axis": axis, "descending": False})
    at = expand(reshape(transfer_like(arange(n), input), tuple(-1 if d == axis else 1 for d in range(input.dim()))),
                *input._a.shape)
    changes = narrow(values, axis, 1, n - 1) != narrow(values, axis, 0, n - 1)
    from .joining import cat

    starts = cat([narrow(at, axis, 0, 1), where(changes, narrow(at, axis, 1, n - 1), 0)], axis)
    length = at - cummax(starts, axis).values
    index = gather(order, axis, length.argmax(axis, keepdim=True))
    found = gather(input, axis, index)
    return store(out, ModeResult(*((found, index) if keepdim else (squeeze(found, axis), squeeze(index, axis)))))
