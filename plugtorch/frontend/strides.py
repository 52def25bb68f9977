"""Strides and contiguity: the library's own, or what they would be, derived from the steps of a view."""

from __future__ import annotations

import math

from .dispatch import normalize_axis
from .methods import method

__all__: list[str] = []


def _export(function):
    __all__.append(function.__name__)
    return function


def contiguous_strides(shape):
    """Strides in elements of an array in C order."""
    strides, n = [], 1
    for size in reversed(shape):
        strides.insert(0, n)
        n *= max(size, 1)
    return tuple(strides)


def _step_strides(shape, strides, name, params):
    """Shape and strides after one view step."""
    if name == "permute":
        return tuple(shape[i] for i in params["axes"]), tuple(strides[i] for i in params["axes"])
    if name == "slice":
        sizes = tuple(len(range(*t)) for t in zip(params["start"], params["stop"], params["step"], strict=True))
        return sizes, tuple(s * n for s, n in zip(strides, params["step"], strict=True))
    if name == "broadcast_to":
        new = params["shape"]
        lead = len(new) - len(shape)
        return new, (0,) * lead + tuple(0 if n == 1 != m else s
                                        for n, m, s in zip(shape, new[lead:], strides, strict=True))
    if name == "as_strided":
        return tuple(params["shape"]), tuple(params["strides"])
    if name == "diagonal":
        a, b = params["axis1"], params["axis2"]
        n = max(0, min(shape[a], shape[b] - params["offset"]) if params["offset"] >= 0
                else min(shape[a] + params["offset"], shape[b]))
        keep = [i for i in range(len(shape)) if i not in (a, b)]
        return (*(shape[i] for i in keep), n), (*(strides[i] for i in keep), strides[a] + strides[b])
    if name == "unfold_dim":
        axis, size, step = params["axis"], params["size"], params["step"]
        count = (shape[axis] - size) // step + 1
        return ((*shape[:axis], count, *shape[axis + 1:], size),
                (*strides[:axis], strides[axis] * step, *strides[axis + 1:], strides[axis]))
    if name == "reshape":
        new = reshaped_strides(shape, strides, params["shape"])
        return params["shape"], new if new is not None else contiguous_strides(params["shape"])
    return shape, strides


def reshaped_strides(shape, strides, new):
    """Strides under which the same memory has another shape, or None if it must be copied."""
    if math.prod(shape) == 0:
        return contiguous_strides(new)
    out, i = [0] * len(new), len(new) - 1
    chunk, base = 1, None
    for d in range(len(shape) - 1, -1, -1):
        if shape[d] == 1:
            continue
        if base is None:
            base = strides[d]
        chunk *= shape[d]
        above = next((e for e in range(d - 1, -1, -1) if shape[e] != 1), None)
        if above is None or strides[above] != shape[d] * strides[d]:
            filled = 1
            while i >= 0 and (filled < chunk or new[i] == 1):
                out[i] = filled * base
                filled *= new[i]
                i -= 1
            if filled != chunk:
                return None
            chunk, base = 1, None
    while i >= 0:
        if new[i] != 1:
            return None
        out[i] = out[i + 1] * new[i + 1] if i + 1 < len(new) else 1
        i -= 1
    return tuple(out)


def strides_of(t):
    """Strides in elements: the library's, or those that the steps from the storage's root imply."""
    real = t._k.strides_of(t._a)
    if 0 in t._a.shape and t._alias is None:
        return contiguous_strides(tuple(t._a.shape))  # the library's are arbitrary where there is nothing to address
    if real is not None:
        return real
    shape = tuple(t._a.shape)
    if t._alias is None or not t._alias.path:
        return contiguous_strides(shape)
    root = t._alias.storage.root
    at = tuple(root.shape)
    strides = contiguous_strides(at)
    for name, params in t._alias.path:
        at, strides = _step_strides(at, strides, name, params)
    return tuple(strides)


@_export
@method
def stride(input, dim=None):
    """Strides in elements, or one of them."""
    s = strides_of(input)
    return s if dim is None else s[normalize_axis(dim, len(s))]


@_export
@method
def is_contiguous(input, memory_format=None):
    """Whether the elements lie in C order without gaps."""
    shape = tuple(input._a.shape)
    if math.prod(shape) == 0:
        return True
    return all(n == 1 or s == want
               for n, s, want in zip(shape, strides_of(input), contiguous_strides(shape), strict=True))


@_export
@method
def contiguous(input, memory_format=None):
    """The tensor itself if it is contiguous, else a copy in C order."""
    return input if is_contiguous(input) else input.clone()


@method
def storage_offset(input):
    """Position of the first element in its storage, in elements."""
    at = input._alias
    if at is None:
        return 0
    root_shape = tuple(at.storage.root.shape) if at.storage.root is not None else None
    offset, shape, strides = 0, root_shape, None
    for name, params in at.path:
        if shape is None:
            first = next(t for t in at.storage.live() if not t._alias.path) if any(
                not t._alias.path for t in at.storage.live()) else None
            if first is None:
                return 0
            shape, strides = tuple(first._a.shape), strides_of(first)
        if strides is None:
            strides = contiguous_strides(shape)
        if name == "slice":
            offset += sum(s * n for s, n in zip(strides, params["start"], strict=True))
        elif name == "as_strided":
            offset = params["offset"]
        elif name == "diagonal":
            o = params["offset"]
            offset += o * strides[params["axis2"]] if o > 0 else -o * strides[params["axis1"]]
        shape, strides = _step_strides(shape, strides, name, params)
    return offset


@method
def data_ptr(input):
    """A number that tells memories apart: the address on a host backend, else the identity of the storage."""
    interface = getattr(input._a, "__array_interface__", None)
    if interface is not None:
        return interface["data"][0]
    return id(input._alias.storage if input._alias is not None else input._a)
