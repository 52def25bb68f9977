"""Connectionist temporal classification (Graves et al., "Connectionist temporal classification: labelling unsegmented
sequence data with recurrent neural networks", 2006)."""

from __future__ import annotations

import math

from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import FLOAT, INT

from ...amp.casting import autocasts
from ...creation import arange, tensor
from ...dispatch import is_tensor, to_dtype
from ...joining import cat, stack
from ...reductions import logsumexp
from ...selection import where
from .loss import _reduced

__all__ = ["ctc_loss"]

# Stands for the logarithm of 0 in sums, whose gradients stay finite with it.
_FLOOR = -1e30


def _lengths(value, name):
    if is_tensor(value):
        if value.dtype.category != INT:
            raise RuntimeError(f"{name} must be integral")
        value = value.reshape(-1).tolist()
    return [int(n) for n in value] if isinstance(value, (list, tuple)) else [int(value)]


def _check(log_probs, targets, inputs, labels, blank):
    where_ = "(while checking arguments for ctc_loss_allocate_outputs)"
    if log_probs.dim() != 3:
        raise RuntimeError(f"Expected 3-dimensional tensor, but got {log_probs.dim()}-dimensional tensor for argument #1 "
                           f"'log_probs' {where_}")
    steps, batch, classes = log_probs._a.shape
    if log_probs.dtype not in (dtypes.float32, dtypes.float64):
        raise NotImplementedError(f"\"ctc_loss_cpu\" not implemented for '{log_probs.dtype.legacy}'")
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    for name, values in (("input_lengths", inputs), ("target_lengths", labels)):
        if len(values) != batch:
            raise RuntimeError(f"{name} must be of size batch_size")
    for name, values in (("input_lengths", inputs), ("target_lengths", labels)):
        for n in values:
            if n < 0:
                raise RuntimeError(f"Expected {name} to have value at least 0, but got value {n} {where_}")
    for n in inputs:
        if n > steps:
            raise RuntimeError(f"Expected input_lengths to have value at most {steps}, but got value {n} {where_}")
    have, longest = tuple(targets._a.shape), max(labels, default=0)
    if len(have) == 1:
        if have[0] != sum(labels):
            raise RuntimeError(f"Expected tensor to have size {sum(labels)} at dimension 0, but got size {have[0]} for "
                               f"argument #2 'targets' {where_}")
    elif len(have) != 2:
        raise RuntimeError(f"Expected 2-dimensional tensor, but got {len(have)}-dimensional tensor for argument #2 "
                           f"'targets' {where_}")
    elif have[0] != batch:
        raise RuntimeError(f"Expected tensor to have size {batch} at dimension 0, but got size {have[0]} for argument #2 "
                           f"'targets' {where_}")
    elif have[1] < longest:
        raise RuntimeError(f"Expected tensor to have size at least {longest} at dimension 1, but got size {have[1]} for "
                           f"argument #2 'targets' {where_}")


def _extended(targets, labels, blank, classes):
    """(N, 2 S + 1): blanks around and between the labels, and behind a row's last label."""
    longest, batch = max(labels), len(labels)
    column = arange(longest, device=targets.device)
    count = tensor(labels, device=targets.device).unsqueeze(1)
    rows = to_dtype(targets, dtypes.int64)
    if targets.dim() == 1:
        first = [sum(labels[:i]) for i in range(batch)]
        at = tensor(first, device=targets.device).unsqueeze(1) + column
        rows = rows[at.clamp_max(rows.numel() - 1)]
    else:
        rows = rows.narrow(1, 0, longest)
    rows = where(column < count, rows, blank).clamp(0, classes - 1)
    gaps = rows * 0 + blank
    return cat([stack([gaps, rows], 2).reshape(batch, 2 * longest), gaps.narrow(1, 0, 1)], 1)


def negative_log_likelihood(log_probs, targets, inputs, labels, blank):
    """(N,) losses of (T, N, C): minus the logarithm of the sum over all alignments, by the forward variables. Infinite where
    the input is too short.

    The gradient is that of PyTorch's kernel: ``exp(log_probs)`` minus the share of each class, which is the gradient by the
    logits, and the same once it has gone through a log_softmax.
    """
    steps, batch, classes = log_probs._a.shape
    lp = log_probs.clamp_min(_FLOOR)
    length = tensor(inputs, device=log_probs.device)
    if max(labels, default=0) == 0:
        running = arange(steps, device=log_probs.device).unsqueeze(1) < length
        return _with_softmax_gradient(-(lp.select(2, blank) * running).sum(0), log_probs, length, None)
    states = _extended(targets, labels, blank, classes)
    width = states._a.shape[1]
    emitted = lp.gather(2, states.unsqueeze(0).expand(steps, batch, width))
    floor = log_probs.new_full((batch, 2), _FLOOR)
    # A label may follow the one before it without a blank between, if they differ.
    skips = (states.narrow(1, 2, width - 2) != states.narrow(1, 0, width - 2)) & (states.narrow(1, 2, width - 2) != blank)
    barred = where(skips, 0.0, log_probs.new_full(tuple(skips._a.shape), _FLOOR))
    barred = cat([floor, barred], 1)
    alpha = cat([emitted[0].narrow(1, 0, 2), floor.narrow(1, 0, 1).expand(batch, width - 2)], 1)
    fewest = min(inputs)
    for t in range(1, max(inputs)):
        one, two = (cat([floor.narrow(1, 0, i), alpha.narrow(1, 0, width - i)], 1) for i in (1, 2))
        further = logsumexp(stack([alpha, one, two + barred]), 0) + emitted[t]
        alpha = further if t < fewest else where((length > t).unsqueeze(1), further, alpha)
    last = 2 * tensor(labels, device=log_probs.device).unsqueeze(1)
    final, before = alpha.gather(1, last), alpha.gather(1, (last - 1).clamp_min(0))
    before = where(last > 0, before, _FLOOR)
    total = logsumexp(cat([final, before], 1), 1)
    empty = (length == 0) & (last.squeeze(1) == 0)  # nothing is said, and nothing is heard
    total = where(length == 0, where(empty, 0.0, log_probs.new_full((batch,), _FLOOR)), total)
    impossible = total.detach() < _FLOOR / 2
    return _with_softmax_gradient(where(impossible, math.inf, -total), log_probs, length, impossible)


def _with_softmax_gradient(loss, log_probs, length, impossible):
    if not log_probs._req:
        return loss
    running = (arange(log_probs._a.shape[0], device=log_probs.device).unsqueeze(1) < length).unsqueeze(2)
    mass = where(running, log_probs, 0.0).exp() * running
    mass = mass.sum((0, 2))
    extra = mass - mass.detach()
    return loss + (extra if impossible is None else where(impossible, 0.0, extra))


@autocasts
def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """Minus the log-probability that the outputs spell the targets, over all alignments with blanks and repetitions.

    Args:
        log_probs: (T, N, C) or (T, C), float32 or float64: logarithms of probabilities.
        targets: (N, S), or all labels in one row (sum of ``target_lengths``); (S,) for one sequence.
        input_lengths, target_lengths: (N,), tensors or sequences of integers; one number for one sequence.
        reduction: "mean" divides by the targets' lengths, at least 1, and averages over the batch.
        zero_infinity: whether infinite losses (of inputs that are too short) and their gradients count as zero.

    Raises:
        RuntimeError: lengths, targets or ``blank`` that do not fit.
        NotImplementedError: another dtype.
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    inputs, labels = _lengths(input_lengths, "input_lengths"), _lengths(target_lengths, "target_lengths")
    single = log_probs.dim() == 2
    x = log_probs.unsqueeze(1) if single else log_probs
    t = targets.unsqueeze(0) if single and targets.dim() == 1 else targets
    if not is_tensor(t) or t.dtype.category not in (INT, FLOAT):
        raise RuntimeError("targets must be integral")
    _check(x, t, inputs, labels, blank)
    loss = negative_log_likelihood(x, t, inputs, labels, blank)
    if zero_infinity:
        loss = where(loss.detach() == math.inf, 0.0, loss)
    if reduction == "mean":
        return (loss / tensor(labels, device=x.device).clamp_min(1).to(x.dtype)).mean()
    return _reduced(loss.squeeze(0) if single and reduction == "none" else loss, reduction)
