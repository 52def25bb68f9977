"""Cross entropy of a linear map, whole or in pieces of the batch."""

from __future__ import annotations

from plugtorch.spec.dtypes import FLOAT

from ...creation import zeros
from ...dispatch import to_dtype
from ...joining import cat
from ...linear import matmul
from ...utils.checkpoint import checkpoint
from .convolution import linear
from .loss import cross_entropy

__all__ = ["linear_cross_entropy"]


def _check(input, weight, target, bias, ignore_index):
    if input.dim() not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if weight.dim() < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {weight.dim()}")
    features, have = input._a.shape[-1], weight._a.shape[-1]
    if features != have:
        raise RuntimeError(f"expected equal input and linear_weight last dimensions (in_features), got {features} and "
                           f"{have}, "
                           "respectively")
    if weight.dim() > 2 and input.dim() == 1:
        raise RuntimeError(f"K-dimensional loss defined by linear_weight shape {tuple(weight.shape)} requires batched "
                           f"input, (N, {features}), got unbatched input with shape {tuple(input.shape)}")
    if bias is not None and tuple(bias._a.shape) != tuple(weight._a.shape[:-1]):
        raise RuntimeError(f"expected linear_bias shape {tuple(weight._a.shape[:-1])}, got {tuple(bias._a.shape)}")
    if target.dtype.category == FLOAT and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")


def linear_cross_entropy(input, linear_weight, target, *, linear_bias=None, weight=None, reduction="mean", ignore_index=None,
                         label_smoothing=0.0, options=None):
    """``cross_entropy(linear(input, linear_weight, linear_bias), target, ...)``.

    Args:
        input: (N, in) or (in,).
        linear_weight: (C, in), or (C, d1, ..., in) for a loss over further dimensions, with input (N, in).
        target: (N, d1, ...) of class indices, or (N, C, d1, ...) of probabilities; without N for one sample.
        linear_bias: (C, d1, ...).
        weight, reduction, label_smoothing: as for :func:`cross_entropy`.
        ignore_index: a class that counts nothing; -100 for class indices if None.
        options: a LinearCrossEntropyOptions: logits are computed for a piece of the batch at a time, and again in the
        backward
            pass, so that those of the whole batch never exist at once.

    Raises:
        RuntimeError: shapes that do not fit, or ``ignore_index`` with probabilities.
    """
    _check(input, linear_weight, target, linear_bias, ignore_index)
    ignored = -100 if ignore_index is None else ignore_index
    settings = {"weight": weight, "ignore_index": ignored, "label_smoothing": label_smoothing}
    size = None if options is None or input.dim() == 1 else _rows_per_piece(options, input, linear_weight)
    if size is None or size >= input._a.shape[0]:
        return cross_entropy(_logits(input, linear_weight, linear_bias), target, reduction=reduction, **settings)
    return _in_pieces(input, linear_weight, target, linear_bias, size, reduction, settings)


def aspect_ratio(method):
    """The K of a chunking method "aspect_ratio:K", or None where it is no method."""
    if method == "auto":
        return 2
    name, colon, ratio = method.partition(":")
    if name != "aspect_ratio" or colon and not (ratio.isdecimal() and int(ratio)):
        return None
    return int(ratio) if colon else 1


def _rows_per_piece(options, input, linear_weight):
    """None where the batch stays whole."""
    if options.batch_chunk_size is not None:
        return options.batch_chunk_size
    if options.chunking_method is None:
        return None
    count, features = input.shape
    classes = linear_weight.numel() // features
    size = -(-count // max(-(-classes // features), 1))
    return min(max((1 << max(size - 1, 0).bit_length()) // aspect_ratio(options.chunking_method), 1), count)


def _logits(input, weight, bias):
    if weight.dim() == 2:
        return linear(input, weight, bias)
    shape = tuple(weight._a.shape[:-1])
    y = matmul(input, weight.reshape(-1, weight._a.shape[-1]).transpose(0, 1)).reshape(input._a.shape[0], *shape)
    return y if bias is None else y + bias


def _in_pieces(input, linear_weight, target, bias, size, reduction, settings):
    how = "none" if reduction == "none" else "sum"

    def piece(x, w, t, b):
        return cross_entropy(_logits(x, w, b), t, reduction=how, **settings)

    losses = [checkpoint(piece, x, linear_weight, t, bias, use_reentrant=False)
              for x, t in zip(input.split(size), target.split(size), strict=True)]
    if reduction == "none":
        return cat(losses)
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    return total if reduction == "sum" else total / _divisor(target, linear_weight, settings, total)


def _divisor(target, linear_weight, settings, like):
    """What cross_entropy's mean divides by: the weights of the targets' classes."""
    if target.dtype.category == FLOAT:
        return max(target.numel() // linear_weight._a.shape[0], 1)
    kept = target != settings["ignore_index"]
    if settings["weight"] is None:
        return to_dtype(kept, like.dtype).sum()
    safe = target.masked_fill(~kept, 0)
    return zeros((), dtype=like.dtype, device=like.device) + (settings["weight"][safe] * kept).sum()
