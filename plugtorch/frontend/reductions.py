"""Reductions, scans and statistics."""

from __future__ import annotations

import builtins
import math

from plugtorch.autograd.mode import AUTOCAST, mode
from plugtorch.autograd.names import named, rename
from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import BOOL, COMPLEX, FLOAT

from .amp.casting import autocasts, recast
from .dispatch import elementwise, is_tensor, normalize_axes, normalize_axis, require_tensor, shape_from, store, to_dtype
from .methods import inplace_twin, method
from .return_types import struct
from .unsupported import refuse

MaxResult = struct("max", ["values", "indices"])
MinResult = struct("min", ["values", "indices"])
AminmaxResult = struct("aminmax", ["min", "max"])


def _axes(input, dim):
    return normalize_axes(dim, input.dim())


def _along(y, dim, name):
    """``y``, whose node has another name in PyTorch if dimensions were given."""
    return y if dim is None else rename(y, name)


@method
def sum(input, dim=None, keepdim=False, *, dtype=None, out=None, axis=None):
    """Sum of all elements or over dimensions; integers in int64."""
    if mode() & AUTOCAST:
        return recast("sum", sum, input, dim, keepdim, dtype=dtype, out=out, axis=axis)
    dim = axis if dim is None else dim
    dtype = out.dtype if dtype is None and out is not None else dtype
    if dtype is not None:
        input = to_dtype(input, dtype)
    y = _along(apply("sum", (input,), {"axis": _axes(input, dim), "keepdims": keepdim}), dim, "SumBackward1")
    return store(out, y if dtype is None else to_dtype(y, dtype))


@method
@named("NansumBackward0")
def nansum(input, dim=None, keepdim=False, *, dtype=None, out=None):
    """Sum with nan counted as 0."""
    if input.dtype.category == COMPLEX:
        raise RuntimeError("nansum on CPU does not support complex inputs")
    wanted = dtype if dtype is not None or out is None else out.dtype
    if wanted is dtypes.bool_:
        raise NotImplementedError("\"nansum_cpu\" not implemented for 'Bool'")
    if input.dtype.category >= FLOAT:
        input = input.masked_fill(input.isnan(), 0)
    return sum(input, dim, keepdim, dtype=dtype, out=out)


@method
def mean(input, dim=None, keepdim=False, *, dtype=None, out=None, axis=None):
    """Arithmetic mean.

    Raises:
        RuntimeError: the dtype is neither floating nor complex.
    """
    dim = axis if dim is None else dim
    if dtype is not None:
        input = to_dtype(input, dtype)
    if input.dtype.category < FLOAT:
        raise RuntimeError("mean(): could not infer output dtype. Input dtype must be either a floating point or "
                           f"complex dtype. Got: {input.dtype.legacy}")
    y = _along(apply("mean", (input,), {"axis": _axes(input, dim), "keepdims": keepdim}), dim, "MeanBackward1")
    return store(out, y)


@method
def nanmean(input, dim=None, keepdim=False, *, dtype=None, out=None):
    """Arithmetic mean of the elements that are not nan; nan where there are none.

    Raises:
        RuntimeError: the dtype is neither floating nor complex.
    """
    if input.dtype.category < FLOAT:
        raise RuntimeError("nanmean(): expected input to have floating point or complex dtype but got "
                           f"{input.dtype.legacy}")
    count = input.detach().isnan().logical_not().sum(dim, keepdim)
    total = sum(input.masked_fill(input.detach().isnan(), 0), dim, keepdim, dtype=dtype)
    return store(out, total / count)


@method
@autocasts
def prod(input, dim=None, keepdim=False, *, dtype=None, out=None):
    """Product of all elements or over one dimension; integers in int64.

    Raises:
        TypeError: several dimensions.
    """
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"prod() received an invalid combination of arguments - dim must be one int, got "
                        f"{type(dim).__name__}")
    if dtype is not None:
        input = to_dtype(input, dtype)
    axis = _axes(input, None) if dim is None else _axes(input, dim)
    y = _along(apply("prod", (input,), {"axis": axis, "keepdims": keepdim}), dim, "ProdBackward1")
    return store(out, y if dtype is None else to_dtype(y, dtype))


def _need_values(input, name):
    if input.numel() == 0:
        raise RuntimeError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                           "reduction dim with the 'dim' argument.")


def _extreme(name, result):
    indexed = f"{name}_index"

    def function(input, dim=None, keepdim=False, *, out=None, axis=None):
        dim = axis if dim is None else dim
        if not is_tensor(input):
            raise TypeError(f"{name}() received an invalid combination of arguments - got ({type(input).__name__}, "
                            f"{type(dim).__name__}): argument 'input' must be Tensor")
        if dim is None:
            _need_values(input, name)
            if input.dtype.category == COMPLEX:
                raise NotImplementedError(f'"{name}_all" not implemented for \'{input.dtype.legacy}\'')
            y = apply(name, (input,), {"axis": _axes(input, None), "keepdims": False})
            return store(out, rename(y, f"{name.title()}Backward1"))
        if is_tensor(dim):
            return store(out, elementwise(f"{name}imum", (input, dim)))
        if input.dtype.category == COMPLEX:
            raise RuntimeError(f"{name}(): does not support complex input")
        if input.dim() == 0:
            normalize_axis(dim, 0)
            from .creation import zeros

            return store(out, result(input.clone(), zeros((), dtype=dtypes.int64, device=input.device)))
        at = normalize_axis(dim, input.dim())
        if input._a.shape[at] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {at} to have non-zero size.")
        return store(out, result(*apply(indexed, (input,), {"axis": at, "keepdims": keepdim})))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (f"The {name}imum of all elements; or along ``dim`` the values and the first indices; or, with "
                        f"a tensor, the elementwise {name}imum.")
    return method(function)


max = _extreme("max", MaxResult)
min = _extreme("min", MinResult)


def _amax(name):
    op = name[1:]

    def function(input, dim=(), keepdim=False, *, out=None):
        refuse(name, input.dtype)
        if dim == () and input.numel() == 0:
            raise RuntimeError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                               f"reduction dim with the 'dim' argument.")
        if out is not None and out.dtype is not input.dtype:
            raise RuntimeError(f"Expected the dtype for input and out to match, but got {input.dtype.legacy} for input's "
                               f"dtype and {out.dtype.legacy} for out's dtype.")
        axis = _axes(input, None if dim == () else dim)
        return store(out, apply(op, (input,), {"axis": axis, "keepdims": keepdim}))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {op}imum over dimensions; its gradient is shared among ties."
    return method(function)


amax, amin = _amax("amax"), _amax("amin")


@method
def aminmax(input, *, dim=None, keepdim=False, out=None):
    """The smallest and the largest values."""
    if input.numel() == 0 and (dim is None or input._a.shape[normalize_axis(dim, input.dim())] == 0):
        if dim is not None:
            raise IndexError(f"aminmax(): Expected reduction dim {dim} to have non-zero size.")
        raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.")
    for target in out or ():
        if target.dtype is not input.dtype:
            raise RuntimeError(f"Expected out tensor to have dtype {input.dtype.name}, but got {target.dtype.name} instead")
    if dim is None:
        return store(out, AminmaxResult(amin(input, (), keepdim), amax(input, (), keepdim)))
    return store(out, AminmaxResult(amin(input, dim, keepdim), amax(input, dim, keepdim)))


def _arg(name):
    def function(input, dim=None, keepdim=False, *, out=None):
        if input.dtype.category in (BOOL, COMPLEX):
            raise RuntimeError(f"{name}(): does not support {'bool' if input.dtype.category == BOOL else 'complex'} input")
        if dim is None:
            if input.numel() == 0:
                raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify "
                                 "the reduction dim with the 'dim' argument.")
            shape = (1,) * input.dim()
            flat = input.detach().reshape(-1)
            y = apply(name, (flat,), {"axis": 0})
            return store(out, y.reshape(shape) if keepdim else y)
        axis = normalize_axis(dim, input.dim())
        x = input.detach()
        if input.dim() == 0:
            return store(out, apply(name, (x.reshape(1),), {"axis": 0}))
        if x._a.shape[axis] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
        return store(out, apply(name, (x,), {"axis": axis, "keepdims": keepdim}))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"int64 index of the {name[3:]}imum, flat or along ``dim``: the first of ties."
    return method(function)


argmax, argmin = _arg("argmax"), _arg("argmin")


def _truth(name):
    def function(input, dim=None, keepdim=False, *, out=None):
        y = apply(name, (input,), {"axis": _axes(input, dim), "keepdims": keepdim})
        return store(out, to_dtype(y, dtypes.uint8) if input.dtype is dtypes.uint8 else y)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Whether {name} elements are true, over all or over dimensions."
    return method(function)


any, all = _truth("any"), _truth("all")


@method
def count_nonzero(input, dim=None):
    """How many elements are not zero, as int64."""
    return sum(input.ne(0) if input.dtype.category != BOOL else input, dim)


# Scans.

def _scan(name):
    def function(input, dim, *, dtype=None, out=None):
        if dtype is not None:
            refuse(name, dtype)
            input = to_dtype(input, dtype)
        axis = normalize_axis(dim, input.dim())
        if input.dim() == 0:
            return store(out, input.clone() if input.dtype.category >= FLOAT else to_dtype(input, dtypes.int64))
        y = apply(name, (input,), {"axis": axis})
        return store(out, y if dtype is None else to_dtype(y, dtype))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Running {'sum' if name == 'cumsum' else 'product'} along a dimension; integers in int64."
    inplace_twin(function)
    return method(autocasts(function))


cumsum, cumprod = _scan("cumsum"), _scan("cumprod")


@method
def sum_to_size(input, *size):
    """The sum over the dimensions that a tensor of a smaller size would be broadcast along to have this one's.

    Raises:
        RuntimeError: the size does not broadcast to the tensor's.
    """
    shape, have = shape_from(size), tuple(input._a.shape)
    lead = len(have) - len(shape)
    if lead < 0 or builtins.any(m not in (1, n) for m, n in zip(shape, have[lead:], strict=True)):
        raise RuntimeError(f"size {{{list(shape)}}} is not expandable to size {{{list(have)}}}.")
    axis = tuple(i for i, n in enumerate(have) if i < lead or shape[i - lead] == 1 != n)
    return sum(input, axis, True).reshape(shape) if axis or not have else input


@method
@autocasts
def logsumexp(input, dim, keepdim=False, *, out=None):
    """``log(sum(exp(input)))`` over dimensions, without overflow."""
    from .dispatch import float_like

    return store(out, apply("logsumexp", (float_like(input),), {"axis": _axes(input, dim), "keepdims": keepdim}))


# Variance.

def _correction(unbiased, correction):
    if correction is not None:
        return correction
    return 1 if unbiased is None or unbiased else 0


def _moments(input, dim, unbiased, correction, keepdim, name):
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if input.dtype.category < FLOAT:
        raise RuntimeError(f"{name} only support floating point and complex dtypes")
    return apply("var_mean", (input,), {"axis": _axes(input, dim), "correction": _correction(unbiased, correction),
                                        "keepdims": keepdim})


@method
@named("VarBackward0")
def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None, out=None):
    """Variance; divided by ``count - correction`` (1 by default)."""
    return store(out, _moments(input, dim, unbiased, correction, keepdim, "std and var")[0])


@method
@named("StdBackward0")
def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None, out=None):
    """Standard deviation; its gradient is 0 where the deviation is."""
    v = _moments(input, dim, unbiased, correction, keepdim, "std and var")[0]
    if not v.requires_grad:
        return store(out, apply("sqrt", (v,)))
    zero = v.detach().eq(0)
    safe = apply("sqrt", (v.masked_fill(zero, 1.0),))
    return store(out, safe.masked_fill(zero, 0.0))


def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None, out=None):
    """Variance and mean."""
    return store(out, tuple(_moments(input, dim, unbiased, correction, keepdim, "var_mean")))


@named("StdMeanBackward0")
def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None, out=None):
    """Standard deviation and mean."""
    m = _moments(input, dim, unbiased, correction, keepdim, "std_mean")[1]
    return store(out, (std(input, dim, unbiased, keepdim, correction=correction), m))


@method
@named("DistBackward0")
@autocasts
def dist(input, other, p=2):
    """The p-norm of ``input - other``."""
    return (input - other).norm(p)


@method
def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all elements agree within ``atol + rtol * abs(other)``, as a Python bool."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all().item())


@method
def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Which elements agree within ``atol + rtol * abs(other)``.

    Raises:
        RuntimeError: dtypes differ.
    """
    require_tensor(input, "isclose")
    require_tensor(other, "isclose", "other", 2)
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype.legacy} did not match {other.dtype.legacy}")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value:g}")
    x, y = input.detach(), other.detach()
    same = x.eq(y)
    if equal_nan and x.dtype.category >= FLOAT:
        same = same | (x.isnan() & y.isnan())
    if x.dtype.category < FLOAT:
        x, y = x.to(dtypes.float64), y.to(dtypes.float64)
    gap = (x - y).abs()
    return same | (gap.isfinite() & gap.le(y.abs() * rtol + atol))


@method
def equal(input, other):
    """Whether shapes and all elements are the same, as a Python bool."""
    if tuple(input._a.shape) != tuple(other._a.shape):
        return False
    return bool(input.detach().eq(other.detach()).all().item()) if input.numel() else True


@method
def is_same_size(input, other):
    """Whether the shapes are the same."""
    return tuple(input._a.shape) == tuple(other._a.shape)


def numel(input):
    """The number of elements."""
    return math.prod(input._a.shape)


__all__ = [
    "all", "allclose", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "cumprod", "cumsum",
    "dist", "equal", "is_same_size", "isclose", "logsumexp", "max", "mean", "min", "nanmean", "nansum", "numel", "prod",
    "std", "std_mean", "sum", "var", "var_mean",
]
