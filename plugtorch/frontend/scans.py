"""Running extremes, and runs of equal values."""

from __future__ import annotations

import numpy as np

from plugtorch.autograd.base import wrap
from plugtorch.autograd.mode import no_grad
from plugtorch.spec import dtypes

from .bitwise import logical_and, logical_not, logical_or
from .creation import arange
from .dispatch import normalize_axis, require_tensor, store, transfer_like
from .indexing import gather
from .joining import cat
from .log_sums import logaddexp
from .methods import method
from .return_types import struct
from .selection import where
from .shaping import expand, narrow, reshape
from .unsupported import refuse

__all__ = ["cummax", "cummin", "logcumsumexp", "unique_consecutive"]


def _later_wins(before, after, largest):
    """Whether the later of two values is the running extreme: it is nan, or no worse and the earlier is no nan."""
    better = after.ge(before) if largest else after.le(before)
    if not before.dtype.is_floating_point:
        return better
    return logical_or(after.isnan(), logical_and(better, logical_not(before.isnan())))


@no_grad()
def _running_index(x, axis, largest):
    """Where the running extreme of each prefix is, by doubling the length of the prefixes that are known."""
    n = x._a.shape[axis]
    line = transfer_like(arange(n), x)
    index = expand(reshape(line, tuple(-1 if d == axis else 1 for d in range(x.dim()))), *x._a.shape)
    values, shift = x, 1
    while shift < n:
        head, before, after = narrow(values, axis, 0, shift), narrow(values, axis, 0, n - shift), narrow(
            values, axis, shift, n - shift)
        later = _later_wins(before, after, largest)
        index = cat([narrow(index, axis, 0, shift), where(later, narrow(index, axis, shift, n - shift),
                                                          narrow(index, axis, 0, n - shift))], axis)
        values = cat([head, where(later, after, before)], axis)
        shift *= 2
    return index


def _extreme(name, largest):
    result = struct(name, ["values", "indices"])

    def function(input, dim, *, out=None):
        refuse(name, input.dtype)
        axis = normalize_axis(dim, input.dim())
        if not input.dim():
            index = (input.detach() * 0).to(dtypes.int64)
            return store(out, result(input.clone(), index))
        index = _running_index(input.detach(), axis, largest)
        values = gather(input, axis, index) if index.numel() else input.clone()
        if values._node is not None:
            values._node.extra = f"{name.capitalize()}Backward0"
        return store(out, result(values, index))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (f"The {'largest' if largest else 'smallest'} value of each prefix along a dimension, the last of "
                        "equal ones, and its index; nan from the first nan on. The gradient goes to the elements taken.")
    return method(function)


cummax, cummin = _extreme("cummax", True), _extreme("cummin", False)


@method
def logcumsumexp(input, dim, *, out=None):
    """``log(cumsum(exp(input)))`` along a dimension, without overflow: logaddexp over prefixes of doubling length.

    Raises:
        NotImplementedError: the dtype is neither floating nor complex.
    """
    if require_tensor(input, "logcumsumexp").dtype.category < dtypes.FLOAT:
        raise NotImplementedError(f"\"logcumsumexp_out_cpu\" not implemented for '{input.dtype.legacy}'")
    axis = normalize_axis(dim, input.dim())
    y, shift, n = input, 1, input._a.shape[axis] if input.dim() else 1
    while shift < n:
        later, before = narrow(y, axis, shift, n - shift), narrow(y, axis, 0, n - shift)
        y = cat([narrow(y, axis, 0, shift), logaddexp(later, before)], axis)
        shift *= 2
    return store(out, y.clone() if y is input else y)


@method
def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """The first of each run of equal values; also the run of each element and the lengths of the runs if wanted.
    The size depends on the values."""
    host = np.asarray(input._k.to_host(input._a))
    at = None if dim is None else normalize_axis(dim, host.ndim)
    rows = host.reshape(-1) if at is None else np.moveaxis(host, at, 0)
    flat = rows.reshape(len(rows), -1)
    new = np.ones(len(rows), dtype=bool)
    if len(rows) > 1:
        new[1:] = (flat[1:] != flat[:-1]).any(axis=1)
    first = np.flatnonzero(new)
    values = rows[first]
    results = [values if at is None else np.moveaxis(values, 0, at)]
    if return_inverse:
        inverse = np.cumsum(new, dtype=np.int64) - 1
        results.append(inverse.reshape(host.shape) if at is None else inverse)
    if return_counts:
        results.append(np.diff(np.append(first, len(rows))).astype(np.int64))
    results = [wrap(input._k.from_host(np.ascontiguousarray(r), device=input.device), input._k) for r in results]
    return results[0] if len(results) == 1 else tuple(results)
