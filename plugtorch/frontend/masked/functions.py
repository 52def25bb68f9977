"""Reductions and normalisations of the elements where a mask is True.

``mask`` broadcasts to the input and is taken as bool; None counts every element. ``dim`` is None for all dimensions, one, or
several. A result to which no element contributes is the reduction's identity (nan for means and variances). ``dtype`` is
that of the result, in which is also computed. A MaskedTensor brings its own mask, and gives one.
"""

from __future__ import annotations

import functools
import math

from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import BOOL, FLOAT, INT

from .. import reductions
from ..activations import log_softmax as _log_softmax
from ..activations import softmax as _softmax
from ..creation import full_like, scalar_tensor
from ..dispatch import is_tensor, normalize_axes, normalize_axis, to_dtype
from ..info import iinfo
from ..linalg.norms import vector_norm
from ..methods import exporter
from ..selection import where

__all__: list[str] = []
_export = exporter(__all__)


def _broadcast(input, mask):
    """The mask as bool in the shape of the input.

    Raises:
        IndexError: it has more dimensions.
    """
    if mask.dim() > input.dim():
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    mask = to_dtype(mask, dtypes.bool_)
    return mask if mask._a.shape == input._a.shape else mask.expand(*input._a.shape)


def filled(input, mask, value):
    """``input`` with a number in place of what the mask leaves out, through which no gradient passes."""
    return input if mask is None else where(_broadcast(input, mask), input, full_like(input, value).detach())


def _least(dtype, name):
    if dtype.category == BOOL:
        raise NotImplementedError(f"identity of {name} on {dtype!r} input")
    return -math.inf if dtype.category >= FLOAT else iinfo(dtype).min


def _largest(dtype, name):
    if dtype.category == BOOL:
        raise NotImplementedError(f"identity of {name} on {dtype!r} input")
    return math.inf if dtype.category >= FLOAT else iinfo(dtype).max


def _carrying(result_mask):
    """Lets a function take a MaskedTensor, whose mask it then uses; the result carries ``result_mask(mask, axes,
    keepdim)``."""

    def decorate(function):
        @functools.wraps(function)
        def run(input, *args, mask=None, **kwargs):
            from .maskedtensor import MaskedTensor, masked

            if not is_tensor(input):
                raise TypeError(f"masked {function.__name__} expects a Tensor, got {type(input).__name__}")
            if type(input) is not MaskedTensor:
                return function(input, *args, mask=mask, **kwargs)
            own = input.get_mask()
            result = function(input.get_data(), *args, mask=own, **kwargs)
            return masked(result, result_mask(function, own, args, kwargs))

        return run

    return decorate


def _reduced(function, mask, args, kwargs):
    names = ("ord", "dim") if function.__name__ == "norm" else ("dim",)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    dim = given.get("dim", -1 if function.__name__ == "median" else None)
    return reductions.any(mask, dim, bool(given.get("keepdim")))


def _kept(function, mask, args, kwargs):
    return mask


def _axes(input, dim):
    axes = [dim] if isinstance(dim, int) else [] if dim is None else [normalize_axis(d, input.dim()) for d in dim]
    for d in axes:
        if axes.count(d) > 1:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
    return normalize_axes(dim, input.dim())


def _wide(input, dtype):
    """The dtype of a sum."""
    return dtype or (dtypes.int64 if input.dtype.category <= INT else input.dtype)


@_export
@_carrying(_reduced)
def sum(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The sum of the elements that count, integers in int64; 0 for none."""
    dtype = _wide(input, dtype)
    return reductions.sum(filled(to_dtype(input, dtype), mask, 0), _axes(input, dim), keepdim, dtype=dtype)


@_export
@_carrying(_reduced)
def prod(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The product of the elements that count, integers in int64; 1 for none."""
    dtype = _wide(input, dtype)
    y = filled(to_dtype(input, dtype), mask, 1)
    for axis in reversed(_axes(input, dim)):
        y = reductions.prod(y, axis, True, dtype=dtype)
    return y if keepdim else y.squeeze(_axes(input, dim)) if input.dim() else y


def _extreme(name, identity):
    def function(input, dim=None, *, keepdim=False, dtype=None, mask=None):
        x = to_dtype(input, dtype or input.dtype)
        return getattr(reductions, name)(filled(x, mask, identity(x.dtype, name)), _axes(x, dim), keepdim)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {'largest' if name == 'amax' else 'smallest'} of the elements that count, over dimensions."
    return _export(_carrying(_reduced)(function))


amax, amin = _extreme("amax", _least), _extreme("amin", _largest)


def _place(name, identity):
    def function(input, dim=None, *, keepdim=False, dtype=None, mask=None):
        if isinstance(dim, (tuple, list)):
            raise TypeError(f"{name}(): argument 'dim' (position 2) must be int, not {type(dim).__name__}")
        x = to_dtype(input, dtype or input.dtype)
        return to_dtype(getattr(reductions, name)(filled(x, mask, identity(x.dtype, name)), dim, bool(keepdim)), x.dtype)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (f"The index of the {'largest' if name == 'argmax' else 'smallest'} element that counts, flat or "
                        f"along a dimension; in the dtype of the input, as in PyTorch.")
    return _export(_carrying(_reduced)(function))


argmax, argmin = _place("argmax", _least), _place("argmin", _largest)


def _count(input, dim, keepdim, mask, dtype):
    """How many elements count, in a floating dtype."""
    ones = full_like(input, 1, dtype=dtype).detach()
    return reductions.sum(filled(ones, mask, 0), dim, keepdim)


@_export
@_carrying(_reduced)
def mean(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The mean of the elements that count; nan for none.

    Raises:
        ValueError: the dtype is neither floating nor complex.
    """
    target = dtype or input.dtype
    if target.category < FLOAT:
        raise ValueError("mean(): Could not infer output dtype. Input dtype must be either a floating point or complex "
                         f"dtype. Got: {target!r}")
    if mask is None:
        return reductions.mean(to_dtype(input, target), dim, keepdim)
    return sum(input, dim, keepdim=keepdim, dtype=target, mask=mask) / _count(input, dim, keepdim, mask, target)


@_export
@_carrying(_reduced)
def median(input, dim=-1, *, keepdim=False, dtype=None, mask=None):
    """The lower median of the elements that count along a dimension; nan for none. Integers are computed as floats."""
    target = dtype or input.dtype
    x = to_dtype(input, target)
    axis = normalize_axis(-1 if dim is None else dim if isinstance(dim, int) else dim[0], x.dim())
    if mask is None:
        return x.median(axis, keepdim).values
    x = x if target.category >= FLOAT else x.double()
    return to_dtype(filled(x, mask, math.nan).nanmedian(axis, keepdim).values, target)


@_export
@_carrying(_reduced)
def logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The logarithm of the summed exponentials of the elements that count; minus infinity for none."""
    target = dtype or input.dtype
    x = filled(to_dtype(input, target), mask, _least(target, "logsumexp"))
    return to_dtype(x.logsumexp(_axes(input, dim), keepdim=keepdim), target)


@_export
def logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """``log(exp(input) + exp(other))``, where what a mask leaves out counts as minus infinity."""
    x, y = (t if dtype is None else to_dtype(t, dtype) for t in (input, other))
    if x.dtype.category >= FLOAT:
        x, y = filled(x, input_mask, -math.inf), filled(y, other_mask, -math.inf)
    return x.logaddexp(y)


@_export
@_carrying(_reduced)
def norm(input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The vector norm of order ``ord`` of the elements that count."""
    x = filled(input if dtype is None else to_dtype(input, dtype), mask, math.inf if ord == -math.inf else 0)
    return vector_norm(x, ord, _axes(input, dim), bool(keepdim))


def _spread(name, input, dim, unbiased, correction, keepdim, dtype, mask):
    assert unbiased is None or correction is None, "Only one of unbiased and correction may be given"  # noqa: S101
    correction = (1 if unbiased or unbiased is None else 0) if correction is None else correction
    target = dtype or (input.dtype if input.dtype.category >= FLOAT else dtypes.float32)
    x = to_dtype(input, target)
    real = target.to_real() if target.is_complex else target
    centre = sum(x, dim, keepdim=True, mask=mask) / _count(x, dim, True, mask, real)
    d = filled(x - centre, mask, 0)
    square = (d * d.conj()).real if target.is_complex else d * d
    y = reductions.sum(square, dim, keepdim) / (_count(x, dim, keepdim, mask, real) - correction).clamp(min=0)
    return to_dtype(y.sqrt() if name == "std" else y, target)


@_export
@_carrying(_reduced)
def var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The variance of the elements that count, their sum of squares divided by ``count - correction`` (at least 0).

    Raises:
        AssertionError: both ``unbiased`` and ``correction`` are given.
    """
    return _spread("var", input, dim, unbiased, correction, keepdim, dtype, mask)


@_export
@_carrying(_reduced)
def std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The standard deviation of the elements that count: the root of :func:`var`."""
    return _spread("std", input, dim, unbiased, correction, keepdim, dtype, mask)


def _soft(name, compute, sign):
    def function(input, dim, *, dtype=None, mask=None):
        x = input if dtype is None else to_dtype(input, dtype)
        outside = _least(x.dtype, name) if sign > 0 else _largest(x.dtype, name)
        x = filled(x, mask, outside)
        return compute(x if sign > 0 else -x, normalize_axis(dim, x.dim()))

    function.__name__ = function.__qualname__ = name
    return _export(_carrying(_kept)(function))


softmax, log_softmax = _soft("softmax", _softmax, 1), _soft("log_softmax", _log_softmax, 1)
softmin = _soft("softmin", _softmax, -1)
softmax.__doc__ = "Softmax over the elements that count along a dimension; 0 elsewhere."
log_softmax.__doc__ = "The logarithm of :func:`softmax`."
softmin.__doc__ = "Softmax of the negative elements."


@_export
@_carrying(_kept)
def normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask=None):
    """The elements that count divided by their norm along a dimension, which is at least ``eps``; 0 elsewhere."""
    x = input if dtype is None else to_dtype(input, dtype)
    length = norm(x, ord, dim, keepdim=True, mask=mask)
    return filled(x, mask, 0) / length.maximum(scalar_tensor(eps, dtype=length.dtype).to(length))


def _scan(name, identity):
    def function(input, dim, *, dtype=None, mask=None):
        x = filled(to_dtype(input, _wide(input, dtype)), mask, identity)
        return to_dtype(getattr(x, name)(normalize_axis(dim, x.dim())), x.dtype)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The running {'sum' if identity == 0 else 'product'} of the elements that count along a dimension."
    return _export(_carrying(_kept)(function))


cumsum, cumprod = _scan("cumsum", 0), _scan("cumprod", 1)
