"""Lookup tables."""

from __future__ import annotations

from plugtorch.autograd.base import wrap
from plugtorch.autograd.mode import no_grad
from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes

from ...dispatch import to_dtype
from ...indexing import checked_index
from ...sparse.embedding import rows_looked_up

__all__ = ["embedding", "embedding_bag", "one_hot"]


def _indices(input, rows):
    if input.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, "
                           f"Int; but got {input.type()} instead (while checking arguments for embedding)")
    try:
        return wrap(checked_index(input, rows, 0), input._k)
    except IndexError:
        raise IndexError("index out of range in self") from None


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """Rows of ``weight`` (V, D) for integer indices of any shape: (*, D).

    The row ``padding_idx`` gets no gradient. ``max_norm`` first shrinks, in place, the rows that are used.
    With ``sparse`` the gradient of ``weight``, if that is a leaf, is a COO tensor of the rows that were looked up.

    Raises:
        IndexError: an index out of range.
        RuntimeError: ``sparse`` together with ``scale_grad_by_freq``.
    """
    if weight.dim() != 2:
        raise RuntimeError("'weight' must be 2-D")
    rows = weight._a.shape[0]
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    i = _indices(input, rows)
    if max_norm is not None:
        shrink(weight, i, max_norm, norm_type)
    padding = -1 if padding_idx is None else padding_idx
    if sparse:
        if scale_grad_by_freq and weight.requires_grad:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        return rows_looked_up(weight, i, padding)
    y = apply("embedding", (weight, i), {"padding_idx": padding})
    if scale_grad_by_freq and y.requires_grad:
        counts = i.reshape(-1).bincount(minlength=rows).to(weight.dtype)
        scale = counts[i].reciprocal().unsqueeze(-1)
        y.register_hook(lambda g: g * scale)
    return y


def shrink(weight, i, max_norm, norm_type):
    """Scales the rows at ``i`` in place to a norm of at most ``max_norm``."""
    with no_grad():
        used = i.reshape(-1).unique()
        rows = weight.detach()[used]
        length = rows.norm(norm_type, 1, keepdim=True)
        weight.detach()[used] = (rows * (max_norm / (length + 1e-7))).where(length.gt(max_norm), rows)


@named("EmbeddingBagBackward0")
def embedding_bag(input, weight, offsets=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, mode="mean",
                  sparse=False, per_sample_weights=None, include_last_offset=False, padding_idx=None):
    """Sums, means or maxima of embedding rows per bag: rows of a 2-d input, or pieces of a 1-d one from ``offsets``.

    Raises:
        ValueError: an unknown mode, or offsets that do not fit the input.
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError("if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
                             f"length sequences. However, found offsets of type {type(offsets)}")
        lengths = [input._a.shape[1]] * input._a.shape[0]
        flat = input.reshape(-1)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)
    else:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        starts = offsets.tolist()
        ends = starts[1:] if include_last_offset else [*starts[1:], input.numel()]
        starts = starts[:-1] if include_last_offset else starts
        lengths = [b - a for a, b in zip(starts, ends, strict=True)]
        flat = input
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
                                  f"for mode='sum' (got mode='{mode}'). Please open a feature request on GitHub.")
    rows = embedding(flat, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    keep = flat.ne(padding_idx % weight._a.shape[0]) if padding_idx is not None else None
    from ...creation import tensor
    from ...functions import zeros
    from ...indexing import index_add, repeat_interleave_index

    bag = repeat_interleave_index(tensor(lengths, device=flat.device).to(flat))
    count, width = len(lengths), weight._a.shape[1]
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(-1)
    if mode == "max":
        return _bag_max(rows, bag, keep, lengths, count, width)
    if keep is not None:
        rows = rows.masked_fill(~keep.unsqueeze(-1), 0)
    out = index_add(zeros(count, width, dtype=weight.dtype, device=weight.device).to(weight), 0, bag, rows)
    if mode == "mean":
        ones = (keep if keep is not None else flat.eq(flat)).to(weight.dtype)
        sizes = index_add(zeros(count, dtype=weight.dtype).to(weight), 0, bag, ones)
        out = out / sizes.clamp_min(1).unsqueeze(-1)
    return out


def bags_with_notes(indices, weight, offsets, scale_grad_by_freq, mode, sparse, per_sample_weights, include_last_offset,
                    padding_idx):
    """:func:`embedding_bag` of 1-d indices, with the bag of each index, the number of indices that count per bag, and for
    maxima the indices they came from, else the numbers again.

    For sums the numbers are zeros, and without ``padding_idx`` the bags are left out, as in PyTorch.
    """
    from ...creation import tensor
    from ...indexing import repeat_interleave_index

    y = embedding_bag(indices, weight, offsets, None, 2, scale_grad_by_freq, mode, sparse, per_sample_weights,
                      include_last_offset, padding_idx)
    starts = offsets.tolist()
    starts, ends = (starts[:-1], starts[1:]) if include_last_offset else (starts, [*starts[1:], indices.numel()])
    lengths = [b - a for a, b in zip(starts, ends, strict=True)]
    bag = repeat_interleave_index(tensor(lengths, device=indices.device)).to(offsets.dtype)
    keep = indices == indices if padding_idx is None else indices != padding_idx % weight._a.shape[0]
    sizes = bag.new_zeros(len(lengths))
    if mode == "sum":
        return y, bag.new_empty(0) if padding_idx is None else bag, sizes, sizes.clone()
    sizes = sizes.index_add(0, bag, keep.to(bag.dtype))
    return y, bag, sizes, _origins(indices, weight, keep, lengths) if mode == "max" else sizes.clone()


def _origins(indices, weight, keep, lengths):
    """(bags, D) indices of the largest rows of each bag; 0 where a bag is empty."""
    from ...joining import stack

    found, at = [], 0
    for n in lengths:
        here = indices.narrow(0, at, n)[keep.narrow(0, at, n)]
        found.append(here[weight.detach()[here].argmax(0)] if here.numel() else here.new_zeros(weight._a.shape[1]))
        at += n
    return stack(found)


def _bag_max(rows, bag, keep, lengths, count, width):
    from ...functions import cat, zeros

    pieces, at = [], 0
    for n in lengths:
        piece = rows.narrow(0, at, n)
        if keep is not None:
            piece = piece[keep.narrow(0, at, n)]
        pieces.append(piece.max(0, keepdim=True).values if piece._a.shape[0] else
                      zeros(1, width, dtype=rows.dtype).to(rows))
        at += n
    return cat(pieces, 0) if pieces else zeros(0, width, dtype=rows.dtype).to(rows)


def one_hot(tensor, num_classes=-1):
    """int64 rows with a 1 at each index; ``num_classes`` -1 counts from the largest index.

    Raises:
        RuntimeError: negative indices, or a class beyond ``num_classes``.
    """
    if tensor.dtype is not dtypes.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel():
        known = tensor._k.bounds(tensor._a)
        if known is None and num_classes == -1:
            raise RuntimeError("one_hot needs num_classes where the values are not known, in a function that is recorded")
        if known is not None:
            low, high = known
            if low < 0:
                raise RuntimeError("Class values must be non-negative.")
            if num_classes != -1 and high >= num_classes:
                raise RuntimeError("Class values must be smaller than num_classes.")
            num_classes = int(high) + 1 if num_classes == -1 else num_classes
    elif num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    from ...creation import arange

    classes = arange(num_classes, device=tensor.device).to(tensor)
    return to_dtype(tensor.unsqueeze(-1).eq(classes), dtypes.int64)


