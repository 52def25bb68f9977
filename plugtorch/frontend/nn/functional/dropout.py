"""Dropout, randomized ReLU and the Gumbel softmax."""

from __future__ import annotations

import warnings

from plugtorch.autograd.base import wrap
from plugtorch.autograd.mode import no_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend import random as host
from plugtorch.frontend import random_dropout as dropouts
from plugtorch.frontend.dispatch import inplace as write_result
from plugtorch.frontend.random import default_generator
from plugtorch.frontend.random_fill import host_values
from plugtorch.frontend.tensor import Tensor

__all__ = [
    "alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout", "gumbel_softmax",
    "rrelu", "rrelu_",
]


def _check(p):
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeroes each element of ``input`` (floating, any shape) with probability ``p`` and scales the others by 1/(1-p).

    Raises:
        ValueError: ``p`` outside [0, 1].
        RuntimeError: an integer dtype.
    """
    _check(p)
    return dropouts.dropout_(input, p, training) if inplace else dropouts.dropout(input, p, training)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Sets elements to SELU's negative saturation value with probability ``p``, keeping mean and variance of
    standardised inputs.

    Raises:
        ValueError: ``p`` outside [0, 1].
    """
    _check(p)
    return dropouts.alpha_dropout_(input, p, training) if inplace else dropouts.alpha_dropout(input, p, training)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """:func:`alpha_dropout` of whole channels of (N, C, ...).

    Raises:
        ValueError: ``p`` outside [0, 1].
        RuntimeError: fewer than two dimensions.
    """
    _check(p)
    drop = dropouts.feature_alpha_dropout_ if inplace else dropouts.feature_alpha_dropout
    return drop(input, p, training)


def _channel_mask(input, batched_dims):
    """The mask shape, or None for the ordinary (N, C, 1, ...): an input without a batch has its channels first."""
    shape = tuple(input._a.shape)
    return shape[:1] + (1,) * (len(shape) - 1) if len(shape) == batched_dims - 1 else None


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (N, C, L) or (C, L).

    Raises:
        ValueError: ``p`` outside [0, 1].
        RuntimeError: another number of dimensions.
    """
    _check(p)
    ndim = input.dim()
    if ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {ndim}D input. Note that dropout1d exists to provide "
            "channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional batch "
            "dimension (i.e. 2D or 3D inputs)."
        )
    return dropouts.dropout_channels(input, p, training, inplace, _channel_mask(input, 3))


def _warn_dims(name, ndim, spatial):
    warnings.warn(
        f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an error in a future "
        "release. To retain the behavior and silence this warning, please use dropout instead. Note that "
        f"{name} exists to provide channel-wise dropout on inputs with {spatial} spatial dimensions, a channel "
        f"dimension, and an optional batch dimension (i.e. {spatial + 1}D or {spatial + 2}D inputs).",
        stacklevel=3,
    )


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (N, C, H, W). A 3-d input is taken as (N, C, L), with a warning.

    Raises:
        ValueError: ``p`` outside [0, 1].
    """
    _check(p)
    ndim = input.dim()
    if ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired "
            "- input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a "
            "future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain "
            "the 1D channel-wise dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    elif ndim != 4:
        _warn_dims("dropout2d", ndim, 2)
    return dropouts.dropout_channels(input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W).

    Raises:
        ValueError: ``p`` outside [0, 1].
    """
    _check(p)
    ndim = input.dim()
    if ndim not in (4, 5):
        _warn_dims("dropout3d", ndim, 3)
    return dropouts.dropout_channels(input, p, training, inplace, _channel_mask(input, 5))


def rrelu(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False,
          inplace: bool = False) -> Tensor:
    """A leaky ReLU whose slope for each element <= 0 is uniform in [lower, upper) in training, else their
    mean.

    Xu et al., "Empirical evaluation of rectified activations in convolutional network", 2015.

    Raises:
        RuntimeError: ``lower > upper``.
        NotImplementedError: integer and half dtypes.
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not training:
        return _leaky(input, (lower + upper) / 2, inplace)
    slopes = host.rrelu_noise(default_generator, host_values(input), lower, upper)
    k = input._k
    slopes = wrap(k.adopt(slopes, device=k.device_of(input._a)), k)

    def scaled(x):
        y = x * slopes
        return y if y.dtype is x.dtype else y.to(x.dtype)

    return write_result(input, scaled) if inplace else scaled(input)


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """In-place version of :func:`rrelu`."""
    return rrelu(input, lower, upper, training, inplace=True)


def _leaky(input, slope, inplace):
    from plugtorch.frontend.nn import functional as F

    return F.leaky_relu(input, slope, inplace)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A sample from the Gumbel-softmax distribution of ``logits`` at temperature ``tau``, along ``dim``.

    ``hard`` gives one-hot values whose gradient is that of the soft ones. Jang et al., "Categorical
    reparameterization with Gumbel-softmax", 2017. ``eps`` has no effect.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    with no_grad():
        gumbels = -fn.empty_like(logits).exponential_().log()
    soft = ((logits + gumbels) / tau).softmax(dim)
    if not hard:
        return soft
    with no_grad():
        index = soft.max(dim, keepdim=True)[1]
        chosen = fn.zeros_like(logits).scatter_(dim, index, 1.0)
        correction = chosen - soft
    return correction + soft
