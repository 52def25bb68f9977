"""Integrals of sampled functions, by trapezoids."""

from __future__ import annotations

from plugtorch.spec.dtypes import BOOL

from .dispatch import is_tensor, normalize_axis
from .methods import exporter

__all__: list[str] = []
_export = exporter(__all__)


def _steps(y, x, dim, name):
    """Distances between sample points, shaped to multiply y's intervals along ``dim``."""
    at = normalize_axis(dim, y.dim())
    if x.dim() == 1:
        if x._a.shape[0] != y._a.shape[at]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        x = x.reshape((-1,) + (1,) * (y.dim() - at - 1))
        axis = 0
    else:
        if x.dim() < y.dim():
            x = x.reshape((1,) * (y.dim() - x.dim()) + tuple(x._a.shape))
        axis = normalize_axis(dim, x.dim())
    return x.narrow(axis, 1, x._a.shape[axis] - 1) - x.narrow(axis, 0, x._a.shape[axis] - 1)


def _pairs(y, dim):
    """Sums of neighbours along a dimension."""
    at = normalize_axis(dim, y.dim())
    n = y._a.shape[at]
    return y.narrow(at, 1, n - 1) + y.narrow(at, 0, n - 1)


def _check(y, x, name):
    for value, which in ((y, "y"), (x, "x")):
        if is_tensor(value) and value.dtype.category == BOOL:
            raise RuntimeError(f"{name}: received a bool input for `{which}`, but bool is not supported")


@_export
def trapezoid(y, x=None, *, dx=None, dim=-1):
    """The integral along a dimension of samples y at points x, or ``dx`` (1) apart.

    Raises:
        RuntimeError: both x and dx, bool values, or points that do not fit.
    """
    _check(y, x, "trapezoid")
    at = normalize_axis(dim, y.dim())
    if y._a.shape[at] == 0:
        return y.new_zeros(tuple(n for i, n in enumerate(y._a.shape) if i != at))
    if x is not None:
        return (_steps(y, x, dim, "trapezoid") * _pairs(y, dim)).sum(dim) / 2.0
    return _pairs(y, dim).sum(dim) * (1.0 if dx is None else dx) / 2.0


@_export
def trapz(y, x=None, *, dx=None, dim=-1):
    """:func:`trapezoid`, under its older name."""
    return trapezoid(y, x, dx=dx, dim=dim)


@_export
def cumulative_trapezoid(y, x=None, *, dx=None, dim=-1):
    """Running integrals along a dimension, one fewer than the samples: see :func:`trapezoid`."""
    _check(y, x, "cumulative_trapezoid")
    if x is not None:
        return (_steps(y, x, dim, "cumulative_trapezoid") * _pairs(y, dim)).cumsum(dim) / 2.0
    return _pairs(y, dim).cumsum(dim) * ((1.0 if dx is None else dx) / 2.0)
