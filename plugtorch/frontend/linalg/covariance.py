"""Covariance and correlation."""

from __future__ import annotations

import warnings

from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import BOOL, FLOAT, INT

from ..dispatch import float_like
from ..methods import exporter, method
from ..shaping import unsqueeze
from .checks import extremes

__all__: list[str] = []
_export = exporter(__all__)


def _check_weights(weights, name, count, category, kind):
    if weights.dim() > 1:
        raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with {weights.dim()} "
                           "dimensions")
    if weights.dtype.category != category:
        raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {name} with {weights.dtype.legacy} dtype")
    if weights.numel() != count:
        raise RuntimeError(f"cov(): expected {name} to have the same numel as there are observations in the input but got "
                           f"{weights.numel()} != {count}")
    found = extremes(weights)
    if weights.numel() and found is not None and found[0] < 0:
        raise RuntimeError(f"cov(): {name} cannot be negative")


@_export
@method
def cov(input, *, correction=1, fweights=None, aweights=None):
    """The covariance matrix of variables in rows (n, observations); of one variable its variance.

    Args:
        correction: what the number of observations is reduced by, in the denominator.
        fweights: how often each observation was made, integers.
        aweights: how much each observation counts, floating.

    Raises:
        RuntimeError: shapes, dtypes or signs of the weights do not fit.
    """
    if input.dim() > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with {input.dim()} "
                           "dimensions")
    if input.dtype.category == BOOL:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input if input.dim() == 2 else input.reshape(1, -1)
    count = x._a.shape[1]
    weights = None
    if fweights is not None:
        _check_weights(fweights, "fweights", count, INT, "integral")
        weights = fweights
    if aweights is not None:
        _check_weights(aweights, "aweights", count, FLOAT, "floating point")
        weights = aweights if weights is None else weights * aweights
    x = float_like(x)
    if weights is None:
        total, mean = count, x.sum(1, keepdim=True) / count if count else x.mean(1, keepdim=True)
    else:
        total = weights.sum()
        found = extremes(total)
        if found is not None and found[0] == 0:
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        mean = (x * weights).sum(1, keepdim=True) / total
    if correction == 0 or weights is None or aweights is None:
        free = total - correction
    else:
        free = total - correction * (weights * aweights).sum() / total
    known = free if weights is None else (extremes(free) or (1,))[0]
    if known <= 0:
        warnings.warn("cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of "
                      "observations.", stacklevel=2)
    if weights is None:
        free = max(free, 0)
    else:
        free = free.clamp(min=0)
    x = x - mean
    other = x if weights is None else x * weights
    y = apply("matmul", (x, other.mH)) if x.dtype is other.dtype else x @ other.mH.to(x.dtype)
    return (y / free if not isinstance(free, int) else y / float(free)).squeeze()


@_export
@method
def corrcoef(input):
    """The correlation coefficients of variables in rows (n, observations), parts clipped to [-1, 1].

    Raises:
        RuntimeError: more than two dimensions.
    """
    if input.dim() > 2:
        raise RuntimeError(f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.dim()} "
                           "dimensions")
    c = cov(input)
    if c.dim() == 0:
        return c / c
    d = c.diagonal()
    scale = (d.real if d.dtype.is_complex else d).sqrt()
    c = c / unsqueeze(scale, 1) / unsqueeze(scale, 0)
    if c.dtype.is_complex:
        from .. import functions

        return functions.complex(c.real.clamp(-1, 1), c.imag.clamp(-1, 1))
    return c.clamp(-1, 1)
