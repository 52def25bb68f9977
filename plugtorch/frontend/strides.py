"""Strides, contiguity and memory formats: the library's own strides, or those that a view's steps imply."""

from __future__ import annotations

import math

from plugtorch.autograd.aliasing import Alias, Storage
from plugtorch.autograd.layout import contiguous_strides, layout_of, memory_order, strides_of

from .dispatch import normalize_axis
from .layouts import channels_last, channels_last_3d, contiguous_format, preserve_format, strided
from .methods import exporter, method

__all__: list[str] = []
_export = exporter(__all__)


@_export
@method
def stride(input, dim=None):
    """Strides in elements, or one of them."""
    s = strides_of(input)
    return s if dim is None else s[normalize_axis(dim, len(s))]


# Memory order of the axes under a format.
_RANK = {channels_last: 4, channels_last_3d: 5}


def _format_order(memory_format, ndim):
    """Axes from the outermost in memory to the innermost.

    Raises:
        RuntimeError: the format is for another number of dimensions.
    """
    rank = _RANK.get(memory_format)
    if rank is None:
        return tuple(range(ndim))
    if ndim != rank:
        raise RuntimeError(f"required rank {rank} tensor to use {memory_format.name} format")
    return (0, *range(2, ndim), 1)


def _ordered_strides(shape, order):
    """Strides of a dense tensor whose axes lie in memory in this order."""
    packed = contiguous_strides([shape[i] for i in order])
    strides = [0] * len(shape)
    for axis, s in zip(order, packed, strict=True):
        strides[axis] = s
    return tuple(strides)


@_export
@method
def is_contiguous(input, memory_format=contiguous_format):
    """Whether the elements lie without gaps in C order, or in the order of a memory format."""
    shape = tuple(input._a.shape)
    if memory_format in _RANK:
        if len(shape) != _RANK[memory_format]:
            return False
        want = _ordered_strides(shape, _format_order(memory_format, len(shape)))
    else:
        want = contiguous_strides(shape)
    if math.prod(shape) == 0:
        return True
    return all(n == 1 or s == w for n, s, w in zip(shape, strides_of(input), want, strict=True))


def preserved_order(t):
    """The memory order that a result like ``t`` takes: that of t's strides."""
    shape, strides = tuple(t._a.shape), strides_of(t)
    plain = tuple(range(len(shape)))
    if 0 in shape or any(n > 1 and s == 0 for n, s in zip(shape, strides, strict=True)):
        return plain
    if all(a >= b for a, b in zip(strides, strides[1:], strict=False)):
        return plain
    return memory_order(shape, strides) or tuple(sorted(plain, key=lambda i: -strides[i]))


def order_for(t, memory_format):
    """The memory order of a copy of ``t`` in a memory format; None stands for t's own."""
    if memory_format is None or memory_format is preserve_format:
        return preserved_order(t)
    return _format_order(memory_format, t.dim())


def arrange(t, order):
    """Lays a fresh tensor, which nothing else refers to, out in memory by this order of axes; returns it."""
    if order == tuple(range(len(order))):
        return t
    k = t._k
    inverse = tuple(order.index(i) for i in range(len(order)))
    packed = k.copy(k.permute(t._a, axes=order))
    if k.aliases:
        t._a = k.permute(packed, axes=inverse)
        return t
    storage = Storage(packed)
    t._alias = Alias(storage, (("permute", {"axes": inverse}),))
    storage.add(t)
    return t


@_export
@method
def contiguous(input, memory_format=contiguous_format):
    """The tensor itself if it lies in the memory format, else a copy that does.

    Raises:
        RuntimeError: a format for another number of dimensions.
    """
    order = _format_order(memory_format, input.dim())
    if is_contiguous(input, memory_format):
        return input
    copied = input.clone(memory_format=contiguous_format)
    return arrange(copied, order)


@method
def dim_order(self, *, ambiguity_check=False):
    """Axes from the outermost in memory to the innermost."""
    strides = strides_of(self)
    return tuple(sorted(range(len(strides)), key=lambda i: -strides[i]))


@method
def storage_offset(input):
    """Position of the first element in its storage, in elements."""
    return layout_of(input)[2]


@method
def data_ptr(input):
    """The address of the first element, on the tensor's device; where a backend does not tell addresses, a number that tells
    memories apart.

    Views have addresses within the memory of their base also where arrays cannot be written, and each is an array of its
    own; there a change in place moves the memory to another address.
    """
    if not input.numel():
        return 0
    k, at = input._k, input._alias
    memory = input._a if at is None or k.aliases else at.storage.root
    start = k.address_of(memory)
    if start is None:
        start = id(at.storage if at is not None else memory)
    elif k.aliases:
        return start
    return start + layout_of(input)[2] * input.dtype.itemsize


method(property(lambda self: strided, doc="How the elements are stored: always strided."), name="layout")
