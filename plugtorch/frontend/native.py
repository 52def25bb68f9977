"""Ops that PyTorch has under internal names alone; programs reach them by ``torch.ops.aten`` and ``torch.NAME``."""

from __future__ import annotations

import math

from plugtorch.autograd.names import named

from .activations import softmax
from .counting import segment_reduce
from .dispatch import normalize_axis, rounded_once
from .joining import cat
from .methods import exporter
from .selection import where
from .view_copies import slice  # noqa: F401  (aten's name)

__all__: list[str] = []
_export = exporter(__all__)

_segment_reduce = segment_reduce
__all__.append("_segment_reduce")


@_export
def _safe_softmax(self, dim, dtype=None):
    """:func:`softmax`, with zeros where all elements of a row are -inf."""
    masked = (self.detach() == -math.inf).all(dim, keepdim=True)
    return where(masked, 0.0, softmax(self.masked_fill(masked, 0.0), dim, dtype=dtype))


@_export
def _unsafe_masked_index(self, mask, indices, fill):
    """Elements at indices where the mask is true, ``fill`` elsewhere; indices under the mask may be out of range."""
    return self[_clamped(self, indices)].masked_fill(~mask, fill)


@_export
def _unsafe_masked_index_put_accumulate(self, mask, indices, values):
    """A copy with values added at indices where the mask is true; indices under the mask may be out of range."""
    return self.index_put(_clamped(self, indices), values.masked_fill(~mask, 0), accumulate=True)


def _clamped(x, indices):
    return tuple(None if i is None else i.clamp(-n, n - 1) for i, n in zip(indices, x._a.shape, strict=False))


@_export
def _chunk_cat(tensors, dim, num_chunks, *, out=None):
    """Each tensor padded with zeros to ``num_chunks`` equal chunks along a dimension, the chunks flattened from there on and
    joined: shape (..., num_chunks, sum of sizes).

    Raises:
        RuntimeError: no tensors, fewer than one chunk, or different leading sizes.
    """
    from .dispatch import store

    if not tensors:
        raise RuntimeError("_chunk_cat expects a non-empty input tensor list")
    if num_chunks < 1:
        raise RuntimeError("_chunk_cat expects positive num_chunks")
    if dim < 0 and len({t.dim() for t in tensors}) > 1:
        raise RuntimeError("_chunk_cat expects non-negative dim when input tensors have different ndims")
    if any(dim >= t.dim() for t in tensors):
        raise RuntimeError("_chunk_cat expects dim < ndim for all input tensors")
    if any(t.numel() == 0 for t in tensors):
        raise RuntimeError("_chunk_cat expects non-empty tensor")
    axis = normalize_axis(dim, tensors[0].dim())
    parts = []
    for t in tensors:
        lead, n, rest = t._a.shape[:axis], t._a.shape[axis], t._a.shape[axis + 1:]
        if tuple(lead) != tuple(tensors[0]._a.shape[:axis]):
            raise RuntimeError("_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors")
        size = -(-n // num_chunks)
        if size * num_chunks > n:
            t = cat([t, t.new_zeros((*lead, size * num_chunks - n, *rest))], axis)
        parts.append(t.reshape(*lead, num_chunks, size * math.prod(rest)))
    return store(out, cat(parts, axis + 1))


@_export
def norm_except_dim(v, pow=2, dim=0):
    """The norm of order ``pow`` over all dimensions but ``dim``, which are kept with size 1; over all for -1, a scalar."""
    if dim == -1:
        return v.norm(pow)
    axes = [d for d in range(v.dim()) if d != normalize_axis(dim, v.dim())]
    return v.norm(pow, axes, keepdim=True) if axes else v.abs()


@_export
@named("WeightNormInterfaceBackward0")
@rounded_once
def _weight_norm(v, g, dim=0):
    """``v * (g / |v|)``, norms over all dimensions but ``dim`` (Salimans and Kingma, arXiv:1602.07868)."""
    return v * (g / norm_except_dim(v, 2, dim))
