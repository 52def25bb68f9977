"""Cutting a tensor into views of its parts."""

from __future__ import annotations

from plugtorch.autograd.aliasing import view as make_view
from plugtorch.autograd.mode import NO_GRAD, mode
from plugtorch.autograd.plans import rule_for
from plugtorch.autograd.record import record
from plugtorch.autograd.tangents import push_view

from .dispatch import is_tensor, normalize_axis
from .methods import exporter, method
from .shaping import slice_view

__all__: list[str] = []
_export = exporter(__all__)


@_export
@method
def unbind(input, dim=0):
    """Views of all entries of a dimension, as a tuple."""
    if not input.dim():
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    at = normalize_axis(dim, input.dim())
    return tuple(make_view(input, "select", {"axis": at, "index": i}, None, "UnbindBackward0", i)
                 for i in range(input._a.shape[at]))


@method
def __iter__(self):
    if not self._a.shape:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self, 0))


def _split_sizes(tensor, split_size_or_sections, at):
    n = tensor._a.shape[at]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0:
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        if size == 0 and n:
            raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
        return [min(size, n - i) for i in range(0, n, size)] if n else [0]
    sizes = [int(s) for s in split_size_or_sections]
    if any(s < 0 for s in sizes):
        raise RuntimeError("split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes="
                           f"{sizes}")
    if sum(sizes) != n:
        raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
                           f"dimension {at}), but got split_sizes={sizes}")
    return sizes


def _split_axis(tensor, dim):
    if not tensor.dim():
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    return normalize_axis(dim, tensor.dim())


@_export
@method
def split(tensor, split_size_or_sections, dim=0):
    """Views of consecutive pieces: of one size, the last shorter, or of listed sizes."""
    at = _split_axis(tensor, dim)
    node_name = "SplitBackward0" if isinstance(split_size_or_sections, int) else "SplitWithSizesBackward0"
    pieces, start = [], 0
    for i, size in enumerate(_split_sizes(tensor, split_size_or_sections, at)):
        pieces.append(slice_view(tensor, at, start, start + size, 1, node_name, i))
        start += size
    return tuple(pieces)


@_export
@method
def split_with_sizes(input, split_sizes, dim=0):
    """Views of consecutive pieces of listed sizes."""
    return split(input, list(split_sizes), dim)


def _unsafe_pieces(tensor, sizes, dim, node_name):
    """Pieces on the tensor's memory that are no views of it: their changes in place are not tracked in the tensor."""
    at = _split_axis(tensor, dim)
    pieces, start = [], 0
    for size in _split_sizes(tensor, sizes, at):
        v = slice_view(tensor.detach(), at, start, start + size, 1)
        (name, params), = v._alias.steps
        v._alias.base, v._alias.steps = None, ()
        if tensor._req and not mode() & NO_GRAD:
            record(v, rule_for(name).plan(1, 1), tensor._k, (tensor,), (tensor._a,), params, v._a)
            v._node.extra = node_name
        push_view(v, tensor, name, params)
        pieces.append(v)
        start += size
    return tuple(pieces)


@_export
@method
def unsafe_split(input, split_size, dim=0):
    """Pieces of one size, the last shorter, whose changes in place are not tracked in the tensor."""
    return _unsafe_pieces(input, split_size, dim, "UnsafeSplitBackward0")


@_export
@method
def unsafe_split_with_sizes(input, split_sizes, dim=0):
    """Pieces of listed sizes whose changes in place are not tracked in the tensor."""
    return _unsafe_pieces(input, list(split_sizes), dim, "UnsafeSplitWithSizesBackward0")


@_export
@method
def unsafe_chunk(input, chunks, dim=0):
    """At most ``chunks`` pieces whose changes in place are not tracked in the tensor."""
    n = input._a.shape[_split_axis(input, dim)]
    return unsafe_split(input, max(1, -(-n // chunks)), dim)


@_export
@method
def chunk(input, chunks, dim=0):
    """Views of at most ``chunks`` pieces of equal size, the last perhaps shorter."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    if not input.dim():
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    n = input._a.shape[normalize_axis(dim, input.dim())]
    return split(input, max(1, -(-n // chunks)), dim)


@_export
@method
def tensor_split(input, indices_or_sections, dim=0):
    """Views of nearly equal pieces, or of pieces between given indices."""
    at = normalize_axis(dim, input.dim())
    n = input._a.shape[at]
    if is_tensor(indices_or_sections):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        sizes = [n // count + (i < n % count) for i in range(count)]
        cuts = [0]
        for s in sizes:
            cuts.append(cuts[-1] + s)
    else:
        cuts = [0, *(slice(None, i).indices(n)[1] for i in indices_or_sections), n]
    return tuple(slice_view(input, at, a, max(a, b), 1) for a, b in zip(cuts, cuts[1:], strict=False))


def _cut(name, axis_of, least):
    """hsplit and its kin: tensor_split along a fixed dimension."""

    def function(input, indices_or_sections):
        if input.dim() < least:
            raise RuntimeError(f"torch.{name} requires a tensor with at least {least} dimension"
                               f"{'' if least == 1 else 's'}, but got a tensor with {input.dim()} dimensions!")
        at = axis_of(input.dim())
        if isinstance(indices_or_sections, int) and (
                indices_or_sections < 1 or input._a.shape[at] % indices_or_sections):
            raise RuntimeError(f"torch.{name} attempted to split along dimension {at}, but the size of the dimension "
                               f"{input._a.shape[at]} is not divisible by the split_size {indices_or_sections}!")
        return tensor_split(input, indices_or_sections, at)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Views of equal pieces, or of pieces between given indices, along one dimension."
    return _export(method(function))


hsplit = _cut("hsplit", lambda ndim: 0 if ndim == 1 else 1, 1)
vsplit = _cut("vsplit", lambda ndim: 0, 2)
dsplit = _cut("dsplit", lambda ndim: 2, 3)
