"""Sums, products and functions of single elements."""

from __future__ import annotations

import math

from plugtorch.autograd.mode import NO_GRAD, mode

from .. import layouts, pointwise
from ..dispatch import NUMBERS, as_number, common_dtype, is_tensor, store, to_dtype
from ..joining import cat
from ..tensor import Tensor
from .attributes import become, check_inplace
from .conversion import coalesce, to_coo, to_dense, to_layout
from .patterns import (
    entries,
    filled,
    flat_places,
    read,
    rows_of,
    sparse_dim,
    summed,
    values_at,
)
from .tensor import SHOWN, could_not_run, dispatch_key, implements, is_sparse, like, make_coo

COO = layouts.sparse_coo


def is_number(value) -> bool:
    """Whether it is a number: a Python or NumPy one, or a dense tensor without dimensions."""
    return not is_sparse(value) and (not value.dim() if is_tensor(value) else isinstance(as_number(value), NUMBERS))


def into(out, result):
    """Writes a result into a sparse or dense ``out=`` tensor; returns it."""
    if out is None:
        return result
    if is_sparse(result):
        if not is_sparse(out):
            raise RuntimeError(f"Expected out tensor to have {SHOWN[result._a.layout]} layout, but got Strided")
        if not mode() & NO_GRAD and (out.requires_grad or result.requires_grad):
            raise RuntimeError("functions with out=... arguments don't support automatic differentiation, but one of the "
                               "arguments requires grad.")
        return become(out, result)
    return store(out, result)


# -- sums ---------------------------------------------------------------------

def _check_sizes(a, b):
    if tuple(a._a.shape) != tuple(b._a.shape):
        raise RuntimeError(f"add: expected sizes of 'self' and 'other' to match, but {list(a._a.shape)} != "
                           f"{list(b._a.shape)}")


def _scaled(values, alpha):
    return values if alpha == 1 else values * alpha


def _joined(a, b, alpha):
    """The sum of two COO tensors, with one entry for each place; it counts as coalesced if both are."""
    _check_sizes(a, b)
    if sparse_dim(a) != sparse_dim(b):
        raise RuntimeError("add: expected 'self' and 'other' to have same number of sparse dimensions, but got "
                           f"{sparse_dim(a)} and {sparse_dim(b)}")
    dtype = common_dtype((a, b))
    parts, more, n = a._a, b._a, sparse_dim(a)
    new = summed(cat([parts.plain[0], more.plain[0]], 1),
                 cat([to_dtype(parts.values, dtype), _scaled(to_dtype(more.values, dtype), alpha)]), parts.shape[:n],
                 parts.shape[n:])
    new._a.coalesced = parts.coalesced and more.coalesced
    return new


def _same_pattern(a, b):
    return a._a.layout is b._a.layout and all(x is y for x, y in zip(a._a.plain, b._a.plain, strict=True))


@implements("add", "__add__")
def add(input, other, *, alpha=1, out=None):
    """``input + alpha * other``: two sparse tensors, or a dense and a sparse one."""
    if not is_tensor(other) and not is_number(other) or not is_tensor(input) and not is_number(input):
        return NotImplemented
    alpha = as_number(alpha)
    if not is_sparse(input):
        return into(out, _dense_plus(input, other, alpha))
    if not is_sparse(other):
        if input._a.layout is COO or is_number(other):
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
        return into(out, _dense_plus(other, input, 1, alpha))
    if input._a.layout is not other._a.layout:
        other = to_layout(other, input._a.layout)
    if input._a.layout is COO:
        return into(out, _joined(input, other, alpha))
    if _same_pattern(input, other):
        return into(out, like(input, input._a.values + _scaled(other._a.values, alpha)))
    return into(out, to_layout(_joined(coalesce(to_coo(input)), coalesce(to_coo(other)), alpha), input._a.layout,
                               _block(input)))


def _block(t):
    parts = t._a
    n = parts.plain[-1]._a.ndim
    return tuple(parts.values._a.shape[n:n + 2]) if parts.layout in (layouts.sparse_bsr, layouts.sparse_bsc) else None


def _dense_plus(dense, sparse, alpha, beta=1):
    """``beta * dense + alpha * sparse``."""
    if not is_tensor(dense):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    shape = tuple(sparse._a.shape)
    try:
        fits = tuple(dense.expand(*shape)._a.shape) == shape
    except RuntimeError:
        fits = False
    if not fits:
        raise RuntimeError(f"add: expected 'self' and 'other' to have same size, but self has size {list(dense._a.shape)} "
                           f"while other has size {list(shape)}")
    dtype = common_dtype((dense, sparse))
    dense = _scaled(to_dtype(dense, dtype), beta)
    count = sparse_dim(sparse)
    flat = dense.expand(*shape).reshape(math.prod(shape[:count]), *shape[count:])
    values = _scaled(to_dtype(entries(sparse), dtype), alpha)
    return flat.index_add(0, flat_places(sparse), values).reshape(*shape)


@implements("sub", "subtract", "__sub__")
def sub(input, other, *, alpha=1, out=None):
    """``input - alpha * other``."""
    if is_sparse(input) and is_sparse(other) and input._a.layout is not COO:
        raise RuntimeError(f"unsupported tensor layout: {SHOWN[input._a.layout]}")
    return add(input, other, alpha=-as_number(alpha), out=out)


implements("__radd__")(lambda self, other: add(other, self))
implements("__rsub__", "rsub")(lambda self, other: sub(other, self))


# -- products -----------------------------------------------------------------

@implements("mul", "multiply", "__mul__", "__rmul__")
def mul(input, other, *, out=None):
    """The product: with a number, with a dense tensor of the same size, read at the entries, or of two sparse tensors,
    at the places that both have."""
    if not is_tensor(other) and not is_number(other):
        return NotImplemented
    if not is_sparse(input):
        input, other = other, input
    if is_number(other):
        return into(out, like(input, input._a.values * other))
    if not is_sparse(other):
        shape = input._a.shape
        if tuple(other._a.shape) != shape:
            if other.dim() > len(shape):
                raise RuntimeError(f"mul(sparse, dense): the dense operand of size {list(other._a.shape)} does not "
                                   f"broadcast to {list(shape)}")
            other = other.expand(*shape)
        return into(out, like(input, input._a.values * values_at(input, other)))
    if tuple(input._a.shape) != tuple(other._a.shape) or sparse_dim(input) != sparse_dim(other):
        raise RuntimeError("sparse_binary_op_intersection_cpu(): expects sparse inputs with equal dimensionality, number of "
                           "sparse dimensions, and shape of sparse dimensions")
    if _same_pattern(input, other) and (input._a.coalesced or input._a.layout is not COO):
        return into(out, like(input, input._a.values * other._a.values))
    left, right = coalesce(to_coo(input)), coalesce(to_coo(other))
    keys = flat_places(right)
    marks = make_coo(right._a.plain[0], filled((keys._a.shape[0],), 1, keys.dtype, keys),
                     right._a.shape[:sparse_dim(right)], True)
    both = read(marks, flat_places(left)).nonzero().reshape(-1)
    at = rows_of(flat_places(left), both)
    result = make_coo(left._a.plain[0].index_select(1, both), rows_of(left._a.values, both) * read(right, at), left._a.shape,
                      True)
    return into(out, result if input._a.layout is COO else to_layout(result, input._a.layout, _block(input)))


def _quotient(name):
    compute = getattr(pointwise, name)

    def function(input, other, *, out=None, **kwargs):
        if is_sparse(other) or not is_number(other):
            shape = list(other._a.shape) if is_tensor(other) else other
            if is_sparse(other) or is_tensor(other):
                raise RuntimeError(f"Sparse division requires a scalar or zero-dim dense tensor divisor (got shape {shape} "
                                   f"for divisor)")
            return NotImplemented
        if input._a.layout is not COO:
            raise RuntimeError(f"unsupported tensor layout: {SHOWN[input._a.layout]}")
        t = coalesce(input) if name == "floor_divide" or kwargs.get("rounding_mode") else input
        return into(out, like(t, compute(t._a.values, other, **kwargs)))

    function.__name__ = function.__qualname__ = name
    return function


div = implements("div", "divide", "true_divide", "__truediv__")(_quotient("div"))
floor_divide = implements("floor_divide", "__floordiv__")(_quotient("floor_divide"))


@implements("pow", "__pow__")
def pow(input, exponent, *, out=None):
    """Each value to the power of a number other than 0."""
    if not is_sparse(input) or is_tensor(exponent):
        raise NotImplementedError(could_not_run("pow.Tensor_Tensor", dispatch_key(input if is_sparse(input) else exponent)))
    exponent = as_number(exponent)
    if not isinstance(exponent, NUMBERS):
        return NotImplemented
    if exponent == 0:
        raise RuntimeError("pow: cannot raise to zeroth power on sparse tensor; it would make the result tensor dense")
    t = coalesce(input) if input._a.layout is COO else input
    return into(out, like(t, t._a.values ** exponent))


# -- functions of single elements ---------------------------------------------

# Functions f with f(0) = 0 that PyTorch has for COO and for compressed layouts.
UNARY = ("abs", "absolute", "asin", "arcsin", "asinh", "arcsinh", "atan", "arctan", "atanh", "arctanh", "ceil",
         "conj_physical", "deg2rad", "erf", "erfinv", "expm1", "floor", "frac", "isinf", "isnan", "isneginf", "isposinf",
         "log1p", "nan_to_num", "neg", "negative", "positive", "rad2deg", "relu", "round", "sgn", "sign", "signbit", "sin",
         "sinh", "sqrt", "square", "tan", "tanh", "threshold_backward", "trunc", "fix")
_LINEAR = frozenset({"neg", "negative", "positive", "conj_physical", "deg2rad", "rad2deg"})


def _unary(name):
    def function(input, *args, out=None, **kwargs):
        t = input if name in _LINEAR or input._a.layout is not COO else coalesce(input)
        return into(out, like(t, getattr(t._a.values, name)(*args, **kwargs)))

    function.__name__ = function.__qualname__ = name
    implements(name)(function)

    def twin(self, *args, **kwargs):
        if self._a.layout is COO and not self._a.coalesced and name not in _LINEAR:
            raise RuntimeError(f"{name}_ requires coalesced input")
        return updated(self, function(self, *args, **kwargs))

    implements(name + "_")(twin)


def _cannot_hold(self, result, operation):
    if operation in ("add", "sub"):
        return RuntimeError(f"Can't convert result type {result.dtype.legacy} to output {self.dtype.legacy} in add "
                            "operation")
    return RuntimeError(f"result type {result.dtype.legacy} can't be cast to the desired output type {self.dtype.legacy}")


def updated(self, result, operation=""):
    """Writes a result of the same size into ``self``, in its dtype."""
    check_inplace(self)
    if result.dtype is not self.dtype:
        if result.dtype.category > self.dtype.category:
            raise _cannot_hold(self, result, operation)
        result = like(result, to_dtype(result._a.values, self.dtype))
    if _same_pattern(self, result) and not result.requires_grad and not self.requires_grad:
        self._a.values.copy_(result._a.values)
        return self
    return become(self, result)


for _name in UNARY:
    if hasattr(Tensor, _name):
        _unary(_name)
implements("__neg__")(lambda self: like(self, -self._a.values))
implements("__abs__")(lambda self: like(coalesce(self) if self._a.layout is COO else self,
                                        (coalesce(self) if self._a.layout is COO else self)._a.values.abs()))
implements("__pos__", "conj")(lambda self: like(self, self._a.values.conj()) if self.is_complex() else self)


def _inplace(name, function):
    def twin(self, other, **kwargs):
        if not is_sparse(self):
            return _into_dense(self, function(self, other, **kwargs), function.__name__)
        result = function(self, other, **kwargs)
        return result if result is NotImplemented else updated(self, result, function.__name__)

    twin.__name__ = twin.__qualname__ = name
    return twin


def _into_dense(dense, result, operation):
    if result.dtype.category > dense.dtype.category:
        raise RuntimeError(f"result type {result.dtype.legacy} can't be cast to the desired output type "
                           f"{dense.dtype.legacy}")
    return dense.copy_(to_dense(result))


for _function, _names in ((add, ("add_", "__iadd__")), (sub, ("sub_", "subtract_", "__isub__")),
                          (mul, ("mul_", "multiply_", "__imul__")),
                          (div, ("div_", "divide_", "true_divide_", "__itruediv__")),
                          (floor_divide, ("floor_divide_", "__ifloordiv__")), (pow, ("pow_", "__ipow__"))):
    for _name in _names:
        implements(_name)(_inplace(_name, _function))
