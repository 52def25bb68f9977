"""Losses. ``reduction`` is "mean", "sum" or "none"."""

from __future__ import annotations

import math
import warnings

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import FLOAT
from plugtorch.transforms.tracing.recorder import RECORDER

from ...amp.casting import autocasts
from ...classification import xlogy
from ...dispatch import rounded_once, to_dtype
from ...selection import where
from ...shaping import broadcast_tensors, unsqueeze
from .activation import log_softmax, logsigmoid

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cross_entropy",
    "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss",
    "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]


def _legacy_reduction(size_average, reduce, reduction):
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _reduced(loss, reduction):
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _pair(input, target, name):
    """Input and target broadcast to one shape, with PyTorch's warning where they differ."""
    if tuple(input._a.shape) != tuple(target._a.shape):
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will likely "
            "lead to incorrect results due to broadcasting. Please ensure they have the same size.", stacklevel=5)
    return broadcast_tensors(input, target)


@named("MseLossBackward0")
@autocasts
def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """Squared difference."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    x, y = _pair(input, target, "mse_loss")
    d = x - y
    loss = d * d
    if weight is not None:
        loss = loss * weight
        if reduction == "mean":
            return loss.sum() / weight.expand_as(loss).sum()
    return _reduced(loss, reduction)


@autocasts
def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """Absolute difference."""
    x, y = _pair(input, target, "l1_loss")
    return _reduced((x - y).abs(), _legacy_reduction(size_average, reduce, reduction))


@named("SmoothL1LossBackward0")
@autocasts
def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """``d*d / (2 beta)`` below beta, ``|d| - beta/2`` above (Girshick, arXiv:1504.08083)."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if beta < 0:
        raise ValueError("smooth_l1_loss does not support negative values for beta")
    x, y = _pair(input, target, "smooth_l1_loss")
    d = x - y
    a = d.abs()
    if beta == 0:
        return _reduced(a, reduction)
    return _reduced(where(a.detach().lt(beta), d * d * (0.5 / beta), a - 0.5 * beta), reduction)


@named("HuberLossBackward0")
@autocasts
def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """``d*d / 2`` up to delta, ``delta * (|d| - delta/2)`` above (Huber, 1964)."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    loss = _huber(*_pair(input, target, "huber_loss"), delta)
    return _reduced(loss if weight is None else loss * weight, reduction)


@rounded_once
def _huber(x, y, delta):
    d = x - y
    a = d.abs()
    return where(a.detach().le(delta), d * d * 0.5, (a - 0.5 * delta) * delta)


@named(lambda input, *args, **kwargs: "NllLossBackward0" if input.dim() < 3 else "NllLoss2DBackward0")
@autocasts
def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """Negative log likelihood: input (N, C), (C,) or (N, C, d1, ...) of log-probabilities, target of class indices.

    Targets equal to ``ignore_index`` count nothing; ``weight`` weighs classes, in the mean's divisor too.

    Raises:
        ValueError, RuntimeError: shapes do not fit.
        IndexError: a target out of range.
    """
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if input.dim() == 0:
        raise ValueError(f"Expected 1 or more dimensions (got {input.dim()})")
    if target.dtype is not dtypes.int64:
        if target.dtype is dtypes.uint8:
            target = to_dtype(target, dtypes.int64)
        else:
            raise RuntimeError(f"expected scalar type Long but found {target.dtype.legacy}")
    batch = input.dim() > 1
    x = input if batch else unsqueeze(input, 0)
    t = target if batch else unsqueeze(target, 0)
    if x._a.shape[0] != t._a.shape[0]:
        raise ValueError(f"Expected input batch_size ({x._a.shape[0]}) to match target batch_size ({t._a.shape[0]}).")
    if tuple(x._a.shape[2:]) != tuple(t._a.shape[1:]):
        raise RuntimeError(f"Expected target size {[x._a.shape[0], *x._a.shape[2:]]}, got {list(t._a.shape)}")
    classes = x._a.shape[1]
    k = t._k
    bounds = (0, 0) if not t.numel() else None if k.level else k.bounds(t._a)
    every = bounds is not None and (bounds[0] > ignore_index or bounds[1] < ignore_index)
    if bounds is not None and not every and RECORDER.get() is None:  # between the targets, and perhaps none of them
        every = bool(k.to_host(k.all(k.ne(t._a, ignore_index), axis=tuple(range(t.dim())))))
    safe = t if every else t.masked_fill(t.eq(ignore_index), 0)
    if not every and safe.numel():
        bounds = safe._k.bounds(safe._a)
    if bounds is not None and (bounds[0] < 0 or bounds[1] >= classes):
        bad = bounds[0] if bounds[0] < 0 else bounds[1]
        raise IndexError(f"Target {bad} is out of bounds.")
    picked = -apply("pick", (x, safe), {"axis": 1})
    scale = None
    if weight is not None:
        scale = weight.index_select(0, safe.reshape(-1)).reshape(tuple(safe._a.shape))
    if not every:
        kept = to_dtype(t.ne(ignore_index), x.dtype)
        picked = picked.masked_fill(t.eq(ignore_index), 0)
        scale = kept if scale is None else scale * kept
    if weight is not None:
        picked = picked * scale
    if reduction == "mean":
        return picked.mean() if scale is None else picked.sum() / scale.sum()
    if reduction == "none":
        return picked if batch else picked.squeeze(0)
    return _reduced(picked, reduction)


@autocasts
def cross_entropy(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean",
                  label_smoothing=0.0):
    """Cross entropy of logits: targets are class indices, or probabilities of the input's shape.

    Raises:
        RuntimeError, ValueError: shapes or label_smoothing out of range.
    """
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    axis = 0 if input.dim() == 1 else 1
    logp = log_softmax(input, axis)
    if tuple(input._a.shape) == tuple(target._a.shape) and target.dtype.category >= FLOAT:
        return _soft_cross_entropy(logp, target, weight, reduction, label_smoothing, axis)
    if label_smoothing == 0:
        return nll_loss(logp, target, weight, ignore_index=ignore_index, reduction=reduction)
    hard = nll_loss(logp, target, weight, ignore_index=ignore_index, reduction=reduction)
    shape = [1] * logp.dim()
    shape[axis] = -1
    spread = -(logp if weight is None else logp * weight.reshape(shape)).sum(axis)
    ignored = target.eq(ignore_index)
    spread = spread.masked_fill(ignored, 0)
    if reduction == "mean":
        if weight is None:
            smooth = spread.sum() / to_dtype(~ignored, logp.dtype).sum()
        else:
            safe = target.masked_fill(ignored, 0)
            counted = weight.index_select(0, safe.reshape(-1)).reshape(tuple(safe._a.shape)).masked_fill(ignored, 0)
            smooth = spread.sum() / counted.sum()
    else:
        smooth = _reduced(spread, reduction)
    classes = input._a.shape[axis]
    return hard * (1 - label_smoothing) + smooth * (label_smoothing / classes)


def _soft_cross_entropy(logp, target, weight, reduction, smoothing, axis):
    classes = logp._a.shape[axis]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    if weight is not None:
        shape = [1] * logp.dim()
        shape[axis] = -1
        logp = logp * weight.reshape(shape)
    loss = -(logp * target).sum(axis)
    if reduction == "mean":
        return loss.sum() / max(logp.numel() // classes, 1)
    return _reduced(loss, reduction)


@named("BinaryCrossEntropyBackward0")
@autocasts
def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """``-(t log p + (1 - t) log(1 - p))`` with logarithms not below -100.

    Raises:
        ValueError: sizes differ.
        RuntimeError: probabilities outside [0, 1].
    """
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if tuple(input._a.shape) != tuple(target._a.shape):
        raise ValueError(f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
                         "deprecated. Please ensure they have the same size.")
    bounds = input._k.bounds(input._a) if input.numel() else None
    if bounds is not None and not (bounds[0] >= 0 and bounds[1] <= 1):
        raise RuntimeError("all elements of input should be between 0 and 1")
    loss = _surprise(input, target)
    return _reduced(loss if weight is None else loss * weight, reduction)


@rounded_once
def _surprise(input, target):
    log_p, log_q = input.log().clamp_min(-100), (1 - input).log().clamp_min(-100)
    return -(target * log_p + (1 - target) * log_q)


@named("BinaryCrossEntropyWithLogitsBackward0")
@autocasts
def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None, reduction="mean",
                                     pos_weight=None):
    """binary_cross_entropy of ``sigmoid(input)``, without overflow; ``pos_weight`` weighs the positive term.

    Raises:
        ValueError: sizes differ.
    """
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if tuple(input._a.shape) != tuple(target._a.shape):
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    negative = -logsigmoid(input)
    if pos_weight is not None:
        loss = (1 - target) * input + negative * ((pos_weight - 1) * target + 1)
    else:
        loss = (1 - target) * input + negative
    return _reduced(loss if weight is None else loss * weight, reduction)


@autocasts
def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """Divergence ``t * (log t - input)``; "batchmean" divides by the first size."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    loss = target.exp() * (target - input) if log_target else xlogy(target, target) - target * input
    if reduction == "batchmean":
        return loss.sum() / input._a.shape[0] if input.dim() else loss.sum()
    return _reduced(loss, reduction)


@autocasts
def poisson_nll_loss(input, target, log_input=True, full=False, size_average=None, eps=1e-08, reduce=None,
                     reduction="mean"):
    """Negative log likelihood of counts under a Poisson rate, with Stirling's term if ``full``."""
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.masked_fill(target.le(1), 0)
    return _reduced(loss, _legacy_reduction(size_average, reduce, reduction))


def _spreads(var, input):
    have, want = tuple(var._a.shape), tuple(input._a.shape)
    return len(have) <= len(want) and all(a in (1, b) for a, b in zip(reversed(have), reversed(want), strict=False))


def gaussian_nll_loss(input, target, var, full=False, eps=1e-06, reduction="mean"):
    """Negative log likelihood under a normal distribution with the given variances, at least eps."""
    if isinstance(var, float):
        var = input.detach() * 0 + var
    if tuple(var._a.shape) != tuple(input._a.shape):
        if tuple(var._a.shape) == tuple(input._a.shape[:-1]):
            var = unsqueeze(var, -1)
        elif not _spreads(var, input):
            raise ValueError("var is of incorrect size")
    if bool(var.detach().lt(0).any()):
        raise ValueError("var has negative entry/entries")
    v = var + (var.detach().clamp_min(eps) - var.detach())
    d = input - target
    loss = 0.5 * (v.log() + d * d / v)
    return _reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@autocasts
def margin_ranking_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """``max(0, -t * (x1 - x2) + margin)``."""
    loss = (-target * (input1 - input2) + margin).clamp_min(0)
    return _reduced(loss, _legacy_reduction(size_average, reduce, reduction))


@autocasts
def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """The input where the target is 1, ``max(0, margin - x)`` where it is -1."""
    low = where(target.ne(1), (margin - input).clamp_min(0), input * 0)
    high = where(target.ne(-1), input, input * 0)
    return _reduced(low + high, _legacy_reduction(size_average, reduce, reduction))


@named("SoftMarginLossBackward0")
@autocasts
def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """``log(1 + exp(-t * x))``."""
    return _reduced(-logsigmoid(target * input), _legacy_reduction(size_average, reduce, reduction))


@rounded_once
def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Mean over classes of the logistic losses."""
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return _reduced(loss.mean(-1), _legacy_reduction(size_average, reduce, reduction))


@named("MultiMarginLossBackward0")
@autocasts
def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
    """``sum over j != t of max(0, margin - x_t + x_j)^p / C``."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    _check_margin(input, target, p, weight, reduction)
    batch = input.dim() > 1
    x, t = (input, target) if batch else (input.reshape(1, -1), target.reshape(1))
    right = x.gather(1, unsqueeze(t, 1))
    z = (margin - right + x).clamp_min(0)
    z = z if p == 1 else z * z
    if weight is not None:
        z = z * weight.index_select(0, t).unsqueeze(1)
    z = z.scatter(1, unsqueeze(t, 1), 0.0)
    loss = z.sum(1) / x._a.shape[1]
    return _reduced(loss if batch else loss.squeeze(0), reduction)


def _check_margin(input, target, p, weight, reduction):
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    shape = tuple(input._a.shape)
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    if len(shape) > 2 or 0 in shape[1:] or len(shape) == 1 and not shape[0]:
        raise RuntimeError("Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
                           f"{list(shape)}")
    rows, classes = (shape[0] if len(shape) == 2 else 1), shape[-1] if shape else 1
    if target.dim() > 1 or target.numel() != rows:
        raise RuntimeError(f"inconsistent target size, expected {rows} but got {list(target._a.shape)}")
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {list(weight._a.shape)}")
    if target.dtype is not dtypes.int64:
        raise RuntimeError(f"expected scalar type Long but found {target.dtype.legacy}")


@named("MultilabelMarginLossBackward0")
@autocasts
def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """Hinge between every target class (listed up to the first -1) and every other class, over C."""
    reduction = _legacy_reduction(size_average, reduce, reduction)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    shape = tuple(input._a.shape)
    if len(shape) > 2 or 0 in shape[1:] or len(shape) == 1 and not shape[0]:
        raise RuntimeError(f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(shape)}")
    if tuple(target._a.shape) != shape and (len(shape) == 2 or target.numel() != max(input.numel(), 1)):
        raise RuntimeError(f"inconsistent target size: {list(target._a.shape)} for input of size: {list(shape)}")
    if target.dtype is not dtypes.int64:
        raise RuntimeError(f"expected scalar type Long but found {target.dtype.legacy}")
    batch = input.dim() > 1
    x, t = (input, target) if batch else (input.reshape(1, -1), target.reshape(1, -1))
    valid = to_dtype(t.lt(0), dtypes.int64).cumsum(1).eq(0)
    safe = t.masked_fill(~valid, 0)
    is_target = (x.detach() * 0).scatter_add(1, safe, to_dtype(valid, x.dtype)).gt(0)
    picked = x.gather(1, safe)
    gap = (1 - (unsqueeze(picked, 2) - unsqueeze(x, 1))).clamp_min(0)
    gap = gap.masked_fill(~(unsqueeze(valid, 2) & ~unsqueeze(is_target, 1)), 0)
    loss = gap.sum((1, 2)) / x._a.shape[1]
    return _reduced(loss if batch else loss.squeeze(0), reduction)


@autocasts
def cosine_embedding_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1."""
    dim = 1 if target.dim() == 1 else 0
    eps = 1e-12
    dot = (input1 * input2).sum(dim)
    cos = dot / (((input1 * input1).sum(dim) + eps) * ((input2 * input2).sum(dim) + eps)).sqrt()
    loss = where(target.eq(1), 1 - cos, where(target.eq(-1), (cos - margin).clamp_min(0), cos * 0))
    return _reduced(loss, _legacy_reduction(size_average, reduce, reduction))


@autocasts
def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2, eps=1e-06, swap=False, size_average=None,
                        reduce=None, reduction="mean"):
    """``max(0, d(a, p) - d(a, n) + margin)`` (Balntas et al., 2016); swap takes the nearer of d(a, n), d(p, n)."""
    from .distance import pairwise_distance

    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=lambda x, y: pairwise_distance(x, y, p, eps), margin=margin,
        swap=swap, reduction=_legacy_reduction(size_average, reduce, reduction))


def triplet_margin_with_distance_loss(anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False,
                                      reduction="mean"):
    """triplet_margin_loss under any distance."""
    from .distance import pairwise_distance

    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    d = distance_function or pairwise_distance
    near, far = d(anchor, positive), d(anchor, negative)
    if swap:
        far = far.minimum(d(positive, negative))
    return _reduced((near - far + margin).clamp_min(0), reduction)
