"""Where the elements of a tensor lie in its memory: shape, strides and offset, all counted in elements.

A library with strides of its own is asked for them; elsewhere they follow from the steps by which a tensor is read
from the root of its storage, as PyTorch's views would have them.
"""

from __future__ import annotations

import math


def contiguous_strides(shape):
    """Strides in elements of an array in C order."""
    strides, n = [], 1
    for size in reversed(shape):
        strides.insert(0, n)
        n *= max(size, 1)
    return tuple(strides)


def _permute(shape, strides, offset, axes):
    return tuple(shape[i] for i in axes), tuple(strides[i] for i in axes), offset


def _slice(shape, strides, offset, start, stop, step):
    sizes = tuple(len(range(*t)) for t in zip(start, stop, step, strict=True))
    offset += sum(s * n for s, n in zip(strides, start, strict=True))
    return sizes, tuple(s * n for s, n in zip(strides, step, strict=True)), offset


def _select(shape, strides, offset, axis, index):
    return shape[:axis] + shape[axis + 1:], strides[:axis] + strides[axis + 1:], offset + index * strides[axis]


def _broadcast_to(sizes, strides, offset, shape):
    lead = len(shape) - len(sizes)
    return shape, (0,) * lead + tuple(0 if n == 1 != m else s
                                      for n, m, s in zip(sizes, shape[lead:], strides, strict=True)), offset


def _as_strided(sizes, steps, at, shape, strides, offset):
    return tuple(shape), tuple(strides), offset


def _diagonal(shape, strides, at, offset, axis1, axis2):
    rows, cols = shape[axis1], shape[axis2]
    n = max(0, min(rows, cols - offset) if offset >= 0 else min(rows + offset, cols))
    keep = [i for i in range(len(shape)) if i not in (axis1, axis2)]
    if n:
        at += offset * strides[axis2] if offset > 0 else -offset * strides[axis1]
    return (*(shape[i] for i in keep), n), (*(strides[i] for i in keep), strides[axis1] + strides[axis2]), at


def _unfold_dim(shape, strides, offset, axis, size, step):
    count = (shape[axis] - size) // step + 1
    return ((*shape[:axis], count, *shape[axis + 1:], size),
            (*strides[:axis], strides[axis] * step, *strides[axis + 1:], strides[axis]), offset)


def _reshape(sizes, strides, offset, shape):
    new = reshaped_strides(sizes, strides, shape)
    return tuple(shape), new if new is not None else contiguous_strides(shape), offset


def _view_as_real(shape, strides, offset):
    return (*shape, 2), (*(2 * s for s in strides), 1), 2 * offset


def _view_as_complex(shape, strides, offset):
    return shape[:-1], tuple(s // 2 for s in strides[:-1]), offset // 2


def _real(shape, strides, offset):
    return shape, tuple(2 * s for s in strides), 2 * offset


def _imag(shape, strides, offset):
    return shape, tuple(2 * s for s in strides), 2 * offset + 1


_STEPS = {"permute": _permute, "slice": _slice, "select": _select, "broadcast_to": _broadcast_to,
          "as_strided": _as_strided, "diagonal": _diagonal, "unfold_dim": _unfold_dim, "reshape": _reshape,
          "view_as_real": _view_as_real, "view_as_complex": _view_as_complex, "real": _real, "imag": _imag}


def bitcast_layout(shape, strides, offset, old, new):
    """Layout after the bytes are read as elements of ``new`` instead of ``old`` bytes each."""
    if old == new:
        return shape, strides, offset
    if old > new:
        r = old // new
        return (*shape[:-1], shape[-1] * r), (*(s * r for s in strides[:-1]), 1), offset * r
    r = new // old
    return (*shape[:-1], shape[-1] // r), (*(s // r for s in strides[:-1]), 1), offset // r


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


def _root_strides(k, root):
    shape = tuple(root.shape)
    if 0 in shape:
        return contiguous_strides(shape)  # the library's are arbitrary where there is nothing to address
    return k.strides_of(root) or contiguous_strides(shape)


def layout_of(t):
    """``(shape, strides, offset)`` of a tensor in its storage, in elements of its dtype."""
    k, at = t._k, t._alias
    root = t._a if at is None or not at.path else at.storage.root
    shape, strides, offset = tuple(root.shape), _root_strides(k, root), 0
    if at is None or not at.path:
        return shape, strides, offset
    size = k.dtype_of(root).itemsize
    for name, params in at.path:
        if name == "bitcast":
            new = params["dtype"].itemsize
            shape, strides, offset = bitcast_layout(shape, strides, offset, size, new)
            size = new
            continue
        if name in ("view_as_real", "real", "imag"):
            size //= 2
        elif name == "view_as_complex":
            size *= 2
        shape, strides, offset = _STEPS[name](shape, strides, offset, **params)
    return shape, tuple(strides), offset


def strides_of(t):
    """Strides in elements: the library's, or those that the steps from the storage's root imply."""
    at = t._alias
    if at is None or not at.path:
        return _root_strides(t._k, t._a)
    if 0 not in t._a.shape:
        real = t._k.strides_of(t._a)
        if real is not None and not at.spread:
            return real
    return layout_of(t)[1]


def memory_order(shape, strides):
    """Axes from the largest stride to the smallest if the elements fill their memory without gaps, else None."""
    axes = sorted(range(len(shape)), key=lambda i: (strides[i], shape[i]), reverse=True)
    expected = 1
    for i in reversed(axes):
        if shape[i] == 1:
            continue
        if strides[i] != expected:
            return None
        expected *= shape[i]
    return tuple(axes)


def repeats_elements(t) -> bool:
    """Whether several elements of ``t`` surely lie at one place: an axis longer than 1 has stride 0."""
    at = t._alias
    if at is None or not at.spread:
        return False
    shape, strides, _ = layout_of(t)
    return 0 not in shape and any(n > 1 and s == 0 for n, s in zip(shape, strides, strict=True))


def overlap(a, b) -> str | None:
    """How two tensors on one storage lie to each other: "full" (same elements in the same order), "partial", or None
    where they are apart or it is too hard to tell."""
    if a is b:
        return "full"
    shape, strides, start = layout_of(a)
    other_shape, other_strides, other_start = layout_of(b)
    n, m = math.prod(shape), math.prod(other_shape)
    if not n or not m or memory_order(shape, strides) is None or memory_order(other_shape, other_strides) is None:
        return None
    size, other_size = a._k.dtype_of(a._a).itemsize, b._k.dtype_of(b._a).itemsize
    start, other_start = start * size, other_start * other_size
    stop, other_stop = start + n * size, other_start + m * other_size
    if start == other_start and stop == other_stop:
        return "full" if strides == other_strides else "partial"
    return "partial" if start < other_stop and other_start < stop else None
