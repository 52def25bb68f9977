"""Normalisation."""

from __future__ import annotations

import math

from plugtorch.autograd.mode import no_grad
from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply

from ...amp.casting import autocasts
from ...dispatch import rounded_once, store
from ...info import finfo
from ...shaping import reshape
from .pooling import avg_pool2d

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm"]


def update_running(running, batch, momentum):
    """``running = (1 - momentum) * running + momentum * batch``, in place and outside the graph."""
    if running is None:
        return
    with no_grad():
        running.mul_(1 - momentum).add_(batch.to(running.dtype), alpha=momentum)


@named("NativeBatchNormBackward0")
def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-05):
    """Normalises (N, C, *) per channel, by the batch's own moments in training, else by the running ones, which
    training updates in place (the variance without bias).

    Raises:
        ValueError: one value per channel in training.
        RuntimeError: running statistics are missing in evaluation, or sizes do not fit.
    """
    return batch_norm_with_moments(input, running_mean, running_var, weight, bias, training, momentum, eps)[0]


def batch_norm_with_moments(input, running_mean, running_var, weight, bias, training, momentum, eps):
    """:func:`batch_norm`, and the batch's means and ``1 / sqrt(variance + eps)``, (C,); in evaluation those are empty."""
    shape = input._a.shape
    channels = shape[1] if len(shape) > 1 else 0
    for name, t in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        if t is not None and t.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {t.numel()}")
    if len(shape) < 2:
        return input * 1, input.new_empty(0), input.new_empty(0)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("running_mean and running_var must be defined in evaluation mode")
        y = apply("batch_norm_eval", (input, weight, bias, running_mean, running_var), {"eps": eps})
        none = running_mean.new_empty(0)
        return y, none, none
    count = math.prod(shape) // max(channels, 1)
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    y, mean, var, rstd = apply("batch_norm_train", (input, weight, bias), {"eps": eps})
    if count:
        update_running(running_mean, mean.detach(), momentum)
        update_running(running_var, var.detach() * (count / max(count - 1, 1)), momentum)
    return y, mean.detach(), rstd.detach()


@rounded_once
def _by_own_moments(input, weight, bias, eps):
    """Each channel of each sample normalised by its own mean and variance, which are returned, too."""
    n, c = input._a.shape[:2]
    flat = reshape(input, (1, n * c, *input._a.shape[2:]))
    y, mean, var, _ = apply("batch_norm_train", (flat, None, None), {"eps": eps})
    y = reshape(y, tuple(input._a.shape))
    per_channel = (1, c, *(1,) * (input.dim() - 2))
    if weight is not None:
        y = y * reshape(weight, per_channel)
    return (y if bias is None else y + reshape(bias, per_channel)), mean, var


def instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True,
                  momentum=0.1, eps=1e-05):
    """Normalises each channel of each sample by its own moments (Ulyanov et al., arXiv:1607.08022)."""
    n, c = input._a.shape[:2]
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if math.prod(input._a.shape[2:]) <= 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    y, mean, var = _by_own_moments(input, weight, bias, eps)
    if running_mean is not None:
        count = math.prod(input._a.shape[2:])
        update_running(running_mean, mean.detach().reshape(n, c).mean(0), momentum)
        update_running(running_var, var.detach().reshape(n, c).mean(0) * (count / (count - 1)), momentum)
    return y


def _normalized_axes(input, normalized_shape, weight, bias):
    want = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    shape = tuple(input._a.shape)
    if not want:
        raise RuntimeError("Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
                           "element, but got "
                           "normalized_shape = []")
    for label, t in (("weight", weight), ("bias", bias)):
        if t is not None and tuple(t._a.shape) != want:
            raise RuntimeError(f"Expected {label} to be of same shape as normalized_shape, but got {label} of shape "
                               f"{list(t._a.shape)} and normalized_shape = {list(want)}")
    if len(shape) < len(want) or shape[len(shape) - len(want):] != want:
        stars = ", ".join(["*", *map(str, want)])
        raise RuntimeError(f"Given normalized_shape={list(want)}, expected input with shape [{stars}], but got input of "
                           f"size{list(shape)}")
    return len(want)


def layer_norm_with_moments(input, normalized_shape, weight, bias, eps):
    """:func:`layer_norm`, and the means and ``1 / sqrt(variance + eps)``, of size 1 in the normalised dimensions."""
    ndim = _normalized_axes(input, normalized_shape, weight, bias)
    y, mean, rstd = apply("layer_norm", (input, weight, bias), {"ndim": ndim, "eps": eps})
    return y, mean.detach(), rstd.detach()


@autocasts
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05):
    """Normalises over the last dimensions, whose shape is ``normalized_shape``.

    Raises:
        RuntimeError: the last dimensions, the weight's or the bias's are others.
    """
    ndim = _normalized_axes(input, normalized_shape, weight, bias)
    return apply("layer_norm", (input, weight, bias), {"ndim": ndim, "eps": eps})[0]


@rounded_once
def rms_norm(input, normalized_shape, weight=None, eps=None):
    """Divides by the root of the mean square over the last dimensions (Zhang and Sennrich, arXiv:1910.07467)."""
    ndim = _normalized_axes(input, normalized_shape, weight, None)
    axes = tuple(range(input.dim() - ndim, input.dim()))
    eps = finfo(input.dtype).eps if eps is None else eps
    y = input * ((input * input).mean(axes, keepdim=True) + eps).rsqrt()
    return y if weight is None else y * weight


@autocasts
def group_norm(input, num_groups, weight=None, bias=None, eps=1e-05):
    """Normalises (N, C, *) over groups of channels.

    Raises:
        RuntimeError: the channels do not divide into the groups, or sizes do not fit.
        ValueError: one value per group.
    """
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    shape = input._a.shape
    if num_groups > 0 and shape[0] * shape[1] // num_groups == 1 and math.prod(shape[2:]) == 1:
        raise ValueError("Expected more than 1 value per channel when training, got input size "
                         f"{[1, num_groups, *shape[2:]]}")
    return group_norm_with_moments(input, num_groups, weight, bias, eps)[0]


def group_norm_with_moments(input, num_groups, weight, bias, eps):
    """:func:`group_norm`, and the means and ``1 / sqrt(variance + eps)``, (N, groups)."""
    c = input._a.shape[1]
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if c % num_groups:
        raise RuntimeError(f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
                           f"{list(input._a.shape)} and num_groups={num_groups}")
    for label, t in (("weight", weight), ("bias", bias)):
        if t is not None and tuple(t._a.shape) != (c,):
            raise RuntimeError(f"Expected {label} to be a vector of size equal to the number of channels in input, but got "
                               f"{label} of shape {list(t._a.shape)} and input of shape {list(input._a.shape)}")
    return apply("group_norm", (input, weight, bias), {"groups": num_groups, "eps": eps})


def local_response_norm(input, size, alpha=0.0001, beta=0.75, k=1.0):
    """Divides by a power of the mean square over ``size`` neighbouring channels (Krizhevsky et al., 2012)."""
    if input.dim() < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)")
    n, c = input._a.shape[:2]
    square = reshape(input * input, (n, 1, c, math.prod(input._a.shape[2:])))
    square = apply("pad", (square,), {"lo": (0, 0, size // 2, 0), "hi": (0, 0, (size - 1) // 2, 0)})
    mean = avg_pool2d(square, (size, 1), 1)
    return input / (reshape(mean, tuple(input._a.shape)) * alpha + k).pow(beta)


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """Divides by the p-norm over a dimension, at least ``eps``."""
    return store(out, input / input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input))


