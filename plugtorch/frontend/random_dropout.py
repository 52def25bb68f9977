"""Dropout as functions of the ``torch`` namespace: ``dropout(input, p, train)`` and its relatives.

The mask is drawn and scaled on the host, so that a call is one transfer and one multiplication. The scales
are rounded step by step as PyTorch rounds them. Hinton et al., "Improving neural networks by preventing
co-adaptation of feature detectors", 2012; alpha dropout: Klambauer et al., "Self-normalizing neural
networks", 2017.
"""

from __future__ import annotations

import math

import numpy as np

from plugtorch.autograd.base import wrap
from plugtorch.autograd.record import differentiable
from plugtorch.spec.dtypes import FLOAT
from plugtorch.transforms.levels import LEVELS

from . import random as host
from . import random_mapped
from .random import default_generator
from .random_fill import drawn_array, in_memory_order

# The saturation value of SELU: scale * alpha.
_ALPHA = 1.7580993408473766


def _check(p):
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p:g}")


def _idle(input, p, train) -> bool:
    return p == 0 or not train or input.numel() == 0


def _kept(input, p, shape=None):
    """A function that draws which elements survive, as a host array of bools; of the input's shape and memory order, or of
    ``shape``."""
    dtype = input.dtype
    if dtype.category != FLOAT:
        if dtype.is_complex:
            raise NotImplementedError(f"\"bernoulli_scalar_cpu_\" not implemented for '{dtype.legacy}'")
        raise RuntimeError(f"result type Float can't be cast to the desired output type {dtype.legacy}")
    if LEVELS.get():
        shape = tuple(input._a.shape) if shape is None else shape
        return lambda: random_mapped.drawn(lambda s: host.bernoulli(default_generator, s, 1 - p, "bool"), shape)
    if shape is not None:
        return lambda: host.bernoulli(default_generator, shape, 1 - p, "bool")
    return in_memory_order(input, lambda s, _: host.bernoulli(default_generator, s, 1 - p, "bool"))


def _constant(input, make):
    """A host array in the input's dtype, which ``make()`` gives, as a tensor beside the input."""
    k = input._k
    if LEVELS.get():
        array = make()
        if array.ndim > input.dim():  # a mask for each sample of a mapped function
            return random_mapped.entered(array, k, k.device_of(input._a))
        return wrap(k.adopt(array, device=k.device_of(input._a)), k)
    return wrap(drawn_array(make, k, k.device_of(input._a)), k)


def _work(dtype):
    """The type in which the scalar arithmetic of a dtype runs."""
    return np.float64 if dtype.name == "float64" else np.float32


def _masked(input, keep, p, inplace):
    dtype = input.dtype
    work = _work(dtype)
    scale = dtype.numpy.type(work(1) / work(1 - p))
    mask = _constant(input, lambda: np.multiply(keep(), scale, dtype=dtype.numpy))
    return input.mul_(mask) if inplace else input * mask


def _dropped_all(input, inplace):
    k = input._k
    zero = wrap(k.full(shape=(), value=0, dtype=input.dtype, device=k.device_of(input._a)), k)
    return input.mul_(zero) if inplace else input * zero


def _dropout(input, p, train, inplace):
    _check(p)
    if _idle(input, p, train):
        return input
    if p == 1:
        return _dropped_all(input, inplace)
    return _masked(input, _kept(input, p), p, inplace)


def feature_shape(input):
    """The mask shape of a dropout of whole channels: (N, C, 1, ...).

    Raises:
        RuntimeError: fewer than two dimensions.
    """
    shape = tuple(input._a.shape)
    if len(shape) < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return shape[:2] + (1,) * (len(shape) - 2)


def dropout_channels(input, p, train, inplace, mask_shape=None):
    """Dropout with one draw per element of a mask of ``mask_shape`` ((N, C, 1, ...) unless given)."""
    _check(p)
    if _idle(input, p, train):
        return input
    if mask_shape is None:
        mask_shape = feature_shape(input)
    if p == 1:
        return _dropped_all(input, inplace)
    return _masked(input, _kept(input, p, mask_shape), p, inplace)


def _alpha(input, p, train, inplace, feature):
    _check(p)
    if _idle(input, p, train):
        return input
    shape = feature_shape(input) if feature else None
    if p == 1:
        return _dropped_all(input, inplace)
    keep = _kept(input, p, shape)
    dtype = input.dtype
    kind, work = dtype.numpy.type, _work(dtype)
    a = 1 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    shift = work(_ALPHA * a * p)
    dropped = kind(work(kind(-work(_ALPHA * a))) + shift)
    mask = _constant(input, keep)
    k = mask._k
    kept, shifted, lost = (wrap(k.full(shape=(), value=float(v), dtype=dtype, device=k.device_of(mask._a)), k)
                           for v in (kind(work(a)), kind(shift), dropped))
    ops = differentiable(k)
    scale, offset = ops.mul(ops.cast(mask, dtype=dtype), kept), ops.where(mask, shifted, lost)
    return input.mul_(scale).add_(offset) if inplace else input * scale + offset


def dropout(input, p, train):
    """Zeroes each element with probability ``p`` and scales the others by 1/(1-p) while ``train`` is set.

    Raises:
        RuntimeError: ``p`` outside [0, 1], or an integer dtype.
    """
    if not train:
        _check(p)
        return input
    return _dropout(input, p, train, False)


def dropout_(input, p, train):
    """In-place version of :func:`dropout`."""
    return _dropout(input, p, train, True)


def feature_dropout(input, p, train):
    """:func:`dropout` of whole channels of (N, C, ...)."""
    return dropout_channels(input, p, train, False)


def feature_dropout_(input, p, train):
    """In-place version of :func:`feature_dropout`."""
    return dropout_channels(input, p, train, True)


def alpha_dropout(input, p, train):
    """Sets elements to SELU's negative saturation value with probability ``p``; keeps mean and variance of
    standardised inputs.

    Raises:
        RuntimeError: ``p`` outside [0, 1], or an integer dtype.
    """
    return _alpha(input, p, train, False, False)


def alpha_dropout_(input, p, train):
    """In-place version of :func:`alpha_dropout`."""
    return _alpha(input, p, train, True, False)


def feature_alpha_dropout(input, p, train):
    """:func:`alpha_dropout` of whole channels of (N, C, ...)."""
    return _alpha(input, p, train, False, True)


def feature_alpha_dropout_(input, p, train):
    """In-place version of :func:`feature_alpha_dropout`."""
    return _alpha(input, p, train, True, True)
