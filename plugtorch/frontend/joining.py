"""Joining tensors, and grids of them."""

from __future__ import annotations

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import can_cast

from .amp.casting import autocasts
from .dispatch import common_dtype, is_tensor, normalize_axis, store, to_dtype
from .methods import exporter
from .shaping import expand, reshape, unsqueeze

__all__: list[str] = []
_export = exporter(__all__)


def _joined(tensors, name):
    if not isinstance(tensors, (tuple, list)):
        raise TypeError(f"{name.removeprefix('torch.')}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
                        f"{type(tensors).__name__}")
    tensors = list(tensors)
    if not tensors:
        if name == "stack":
            raise RuntimeError("stack expects a non-empty TensorList")
        raise ValueError(f"{name}(): expected a non-empty list of Tensors")
    for i, x in enumerate(tensors):
        if not is_tensor(x):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
    dtype = common_dtype([x if x.dim() else x.reshape(1) for x in tensors]) if len(
        {x.dtype for x in tensors}) > 1 else tensors[0].dtype
    return [to_dtype(x, dtype) for x in tensors]


@_export
@autocasts
def cat(tensors, dim=0, *, out=None):
    """Tensors of equal other sizes joined along a dimension; 1-d empty ones are skipped.

    Raises:
        RuntimeError: 0-d tensors, or sizes that differ.
    """
    tensors = _joined(tensors, "torch.cat")
    if out is not None and not can_cast(tensors[0].dtype, out.dtype):
        raise TypeError(f"torch.cat(): input types can't be cast to the desired output type {out.dtype.legacy}")
    for i, x in enumerate(tensors):
        if x.dim() == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    solid = [x for x in tensors if tuple(x._a.shape) != (0,)] or tensors[:1]
    ndim = solid[0].dim()
    at = normalize_axis(dim, ndim)
    first = tuple(solid[0]._a.shape)
    for i, x in enumerate(solid):
        shape = tuple(x._a.shape)
        if len(shape) != ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {ndim} and {len(shape)}")
        for d, (a, b) in enumerate(zip(first, shape, strict=True)):
            if d != at and a != b:
                raise RuntimeError(f"Sizes of tensors must match except in dimension {at}. Expected size {a} but got "
                                   f"size {b} for tensor number {i} in the list.")
    return store(out, apply("concat", tuple(solid), {"axis": at}))


concat = concatenate = cat
__all__ += ["concat", "concatenate"]


@_export
@named("StackBackward0")
@autocasts
def stack(tensors, dim=0, *, out=None):
    """Tensors of one shape joined along a new dimension."""
    tensors = _joined(tensors, "stack")
    first = list(tensors[0]._a.shape)
    for i, x in enumerate(tensors):
        if list(x._a.shape) != first:
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {first} at entry 0 and "
                               f"{list(x._a.shape)} at entry {i}")
    at = normalize_axis(dim, len(first) + 1)
    return cat([unsqueeze(x, at) for x in tensors], at, out=out)


@_export
def atleast_1d(*tensors):
    """Tensors with at least one dimension."""
    return _atleast(tensors, lambda x: x if x.dim() else reshape(x, (1,)))


@_export
def atleast_2d(*tensors):
    """Tensors with at least two dimensions."""
    return _atleast(tensors, lambda x: x if x.dim() >= 2 else reshape(x, (1, -1)) if x.dim() else reshape(x, (1, 1)))


@_export
def atleast_3d(*tensors):
    """Tensors with at least three dimensions."""
    def lift(x):
        if x.dim() >= 3:
            return x
        return unsqueeze(x, 2) if x.dim() == 2 else reshape(x, (1, -1, 1))

    return _atleast(tensors, lift)


def _atleast(tensors, lift):
    if len(tensors) == 1 and is_tensor(tensors[0]):
        return lift(tensors[0])
    if len(tensors) == 1:
        tensors = tensors[0]
    return tuple(lift(x) for x in tensors)


def _need_some(tensors, name):
    if not len(tensors):
        raise RuntimeError(f"{name} expects a non-empty TensorList")


@_export
def hstack(tensors, *, out=None):
    """Joined along the second dimension, or the first of 1-d tensors."""
    _need_some(tensors, "hstack")
    tensors = atleast_1d(*tensors) if len(tensors) > 1 else (atleast_1d(tensors[0]),)
    return cat(tensors, 0 if tensors[0].dim() == 1 else 1, out=out)


@_export
def vstack(tensors, *, out=None):
    """Joined along the first dimension, rows made of 1-d tensors."""
    _need_some(tensors, "vstack")
    return cat([atleast_2d(x) for x in tensors], 0, out=out)


row_stack = vstack
__all__.append("row_stack")


@_export
def dstack(tensors, *, out=None):
    """Joined along the third dimension."""
    _need_some(tensors, "dstack")
    return cat([atleast_3d(x) for x in tensors], 2, out=out)


@_export
def column_stack(tensors, *, out=None):
    """1-d tensors as columns of a matrix, others joined along the second dimension."""
    return cat([reshape(x, (-1, 1)) if x.dim() <= 1 else x for x in tensors], 1, out=out)


@_export
def meshgrid(*tensors, indexing="ij"):
    """Coordinate grids of 1-d tensors."""
    if len(tensors) == 1 and not is_tensor(tensors[0]):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {indexing}")
    for x in tensors:
        if x.dim() > 1:
            raise RuntimeError("torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got one of shape "
                               f"{list(x._a.shape)}")
    swap = indexing == "xy" and len(tensors) >= 2
    order = [1, 0, *range(2, len(tensors))] if swap else list(range(len(tensors)))
    lines = [tensors[i] for i in order]
    sizes = tuple(x.numel() for x in lines)
    grids = [expand(reshape(x, tuple(n if i == j else 1 for j, n in enumerate(sizes))), *sizes)
             for i, x in enumerate(lines)]
    return tuple(grids[i] for i in order)


@_export
def cartesian_prod(*tensors):
    """All combinations of the entries of 1-d tensors, as rows."""
    for x in tensors:
        if x.dim() != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x._a.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(g, (-1,)) for g in meshgrid(*tensors, indexing="ij")], dim=1)


@_export
@named("BlockDiagBackward0")
def block_diag(*tensors):
    """Matrices placed along a diagonal."""
    for i, x in enumerate(tensors):
        if x.dim() > 2:
            raise RuntimeError(f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x.dim()} "
                               "dimensions")
    mats = [atleast_2d(x) for x in tensors]
    rows, cols = sum(m._a.shape[0] for m in mats), sum(m._a.shape[1] for m in mats)
    blocks, r, c = [], 0, 0
    for m in mats:
        h, w = m._a.shape
        blocks.append(apply("pad", (m,), {"lo": (r, c), "hi": (rows - r - h, cols - c - w)}))
        r, c = r + h, c + w
    total = blocks[0]
    for b in blocks[1:]:
        total = total + b
    return total
