"""From a call of a function to an op: operands, dtype promotion, in-place and ``out=`` forms."""

from __future__ import annotations

import functools

from numpy import generic

from plugtorch.autograd.aliasing import check_inplace, check_overlap, overwrite, replace
from plugtorch.autograd.base import TensorBase, next_seq
from plugtorch.autograd.mode import DUAL, NO_GRAD, mode
from plugtorch.autograd.record import apply, common_backend, count_version, finish, lifted
from plugtorch.spec.abstract import broadcast_shapes  # noqa: F401  (for the modules of functions)
from plugtorch.spec.dtypes import (
    BOOL,
    COMPLEX,
    FLOAT,
    HALF,
    INT,
    DType,
    can_cast,
    float32,
    number_category,
    result_type,
)
from plugtorch.spec.op import OPS
from plugtorch.spec.program import HostFloat

from . import state
from .unsupported import refuse

NUMBERS = (bool, int, float, complex)


def is_tensor(obj) -> bool:
    """Whether obj is a tensor."""
    return isinstance(obj, TensorBase)


def as_number(value):
    """A plain Python number from a number or a NumPy scalar; tensors and None pass through."""
    kind = type(value)
    if kind in NUMBERS or value is None or isinstance(value, TensorBase) or kind is HostFloat:
        return value
    if isinstance(value, generic):
        return value.item()
    for number in NUMBERS:
        if isinstance(value, number):
            return number(value)
    return value


def require_tensor(value, function: str, name: str = "input", position: int = 1):
    """The value, if it is a tensor.

    Raises:
        TypeError: it is not; the error names the function, and the argument with its position, counted from 1.
    """
    if not isinstance(value, TensorBase):
        raise TypeError(f"{function}(): argument '{name}' (position {position}) must be Tensor, not {type(value).__name__}")
    return value


def common_dtype(operands, to_float=False, function: str = "") -> DType:
    """The dtype in which an op on these tensors and numbers computes, by PyTorch's promotion rules.

    Raises:
        TypeError: an operand is something else; the error names ``function``.
    """
    dimensioned, scalars, numbers = [], [], []
    for o in operands:
        if isinstance(o, TensorBase):
            (dimensioned if o._a.shape else scalars).append(o._k.dtype_of(o._a))
        elif isinstance(o, NUMBERS):
            numbers.append(number_category(o))
        else:
            raise _wrong_operand(operands, o, function)
    dtype = result_type(dimensioned, scalars, numbers, state.get_default_dtype())
    if to_float and dtype.category <= INT:
        dtype = state.get_default_dtype()
    return dtype


def _wrong_operand(operands, wrong, function):
    place = next(i for i, o in enumerate(operands) if o is wrong)
    argument = f"argument '{('input', 'other')[place]}' (position {place + 1})" if place < 2 else f"argument {place + 1}"
    where = f"{function}(): " if function else ""
    return TypeError(f"{where}{argument} must be Tensor, not {type(wrong).__name__}")


def promoted(operands, dtype):
    """Raw operands in ``dtype``, and the mask of those that require grad. Numbers stay numbers."""
    arrays, mask = [], 0
    for i, o in enumerate(operands):
        if isinstance(o, TensorBase):
            k, a = o._k, o._a
            if k.dtype_of(a) is not dtype:
                a = k.cast(a, dtype=dtype)
            arrays.append(a)
            if o._req:
                mask |= 1 << i
        elif type(o) is complex and dtype.category < COMPLEX:
            raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow")
        else:
            arrays.append(o)
    return arrays, mask


def moved_scalars(operands):
    """Operands with 0-d host tensors moved to the backend of the others, as PyTorch lets them mix."""
    tensors = [o for o in operands if isinstance(o, TensorBase)]
    k = next((t._k for t in tensors if t._a.shape), tensors[0]._k if tensors else None)
    if all(t._k is k for t in tensors):
        return operands
    if any(t._k.level for t in tensors):
        return lifted(operands)
    device = next(k.device_of(t._a) for t in tensors if t._k is k)
    return tuple(
        apply_transfer(o, k, device) if isinstance(o, TensorBase) and o._k is not k and not o._a.shape
        and o._k.device_of(o._a).type == "cpu" else o
        for o in operands
    )


def apply_transfer(t, k, device):
    """``t`` on another backend or device, recorded."""
    from .transfer import transfer

    return transfer(t, k, device)


def transfer_like(t, like):
    """``t`` on the backend and device of ``like``."""
    if t._k is like._k or t._k.level or like._k.level:
        return t
    return apply_transfer(t, like._k, like._k.device_of(like._a))


def elementwise(name: str, operands: tuple, params: dict | None = None, to_float: bool = False):
    """Promotes the operands and runs an elementwise op."""
    operands = moved_scalars(tuple(as_number(o) for o in operands))
    k = common_backend(operands)
    dtype = common_dtype(operands, to_float, name)
    refuse(name, dtype)
    if dtype in HALF and any(isinstance(o, NUMBERS) for o in operands):
        # PyTorch computes half with a number in float32: the number is not rounded to half first.
        wide = tuple(to_dtype(o, float32) if isinstance(o, TensorBase) else o for o in operands)
        result = apply(name, wide, params)
        return to_dtype(result, dtype) if k.dtype_of(result._a) is float32 else result
    arrays, mask = promoted(operands, dtype)
    return finish(OPS[name], k, operands, arrays, params or {}, mask)


def to_dtype(t, dtype: DType):
    """``t`` in another dtype, recorded; itself where it has that dtype."""
    if t._k.dtype_of(t._a) is dtype:
        return t
    return apply("cast", (t,), {"dtype": dtype})


def rounded_once(function):
    """Makes a composition compute in float32 from half tensors and round its results once, as PyTorch's one kernel for it
    does."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        found = {a._k.dtype_of(a._a) for a in (*args, *kwargs.values()) if isinstance(a, TensorBase)}
        half = next(iter(found & HALF), None)
        if half is None or any(d is not half and d.category >= FLOAT for d in found):
            return function(*args, **kwargs)
        out = kwargs.pop("out", None)
        found = function(*(_single(a) for a in args), **{key: _single(value) for key, value in kwargs.items()})
        if isinstance(found, tuple):
            return store(out, type(found)(*(_as_half(y, half) for y in found)) if hasattr(found, "_fields") else tuple(
                _as_half(y, half) for y in found))
        return store(out, _as_half(found, half))

    return wrapped


def _single(value):
    if isinstance(value, TensorBase):
        return to_dtype(value, float32) if value._k.dtype_of(value._a) in HALF else value
    return type(value)(map(_single, value)) if type(value) in (list, tuple) else value


def _as_half(y, half):
    return to_dtype(y, half) if isinstance(y, TensorBase) and y._k.dtype_of(y._a) is float32 else y


def float_like(t):
    """Integers and bools as the default floating dtype, others as they are."""
    if t._k.dtype_of(t._a).category >= FLOAT:
        return t
    return to_dtype(t, state.get_default_dtype())


def inplace(x, compute, *args, **kwargs):
    """``x`` with the result of ``compute(x, ...)`` written into it."""
    require_tensor(x, getattr(compute, "__name__", "in-place op") + "_")
    check_inplace(x)
    if x._alias is not None:
        check_overlap(x, (*args, *kwargs.values()))
    since = next_seq()
    try:
        result = compute(x, *args, **kwargs)
    except NotImplementedError:
        _check_castable(x, args)  # which PyTorch finds out before it looks for a kernel
        raise
    return replace(x, result, since)


def _check_castable(x, operands):
    operands = tuple(o for o in map(as_number, operands) if isinstance(o, (TensorBase, *NUMBERS)))
    have, want = common_dtype((x, *operands)), x._k.dtype_of(x._a)
    if not can_cast(have, want):
        raise RuntimeError(f"result type {have.legacy} can't be cast to the desired output type {want.legacy}")


# Ops whose result for integers is an integer.
_EXACT = frozenset({"add", "sub", "mul", "neg", "abs", "maximum", "minimum", "sign", "floor", "ceil", "trunc", "square"})


def update(x, name: str, compute, *operands):
    """In-place elementwise op: by a kernel that writes into x's array where nothing is recorded, else by
    :func:`inplace`."""
    k = x._k
    if k.aliases and (not x._req or mode() & NO_GRAD) and not mode() & DUAL:
        raw, plain = [], name in _EXACT or k.dtype_of(x._a).category >= FLOAT
        for o in operands:
            if isinstance(o, TensorBase):
                plain = plain and o._k is k and (not o._req or bool(mode() & NO_GRAD))
                raw.append(o._a)
            else:
                o = as_number(o)
                plain = plain and isinstance(o, NUMBERS) and number_category(o) <= k.dtype_of(x._a).category
                raw.append(o)
        if plain:
            check_inplace(x)
            if x._alias is not None:
                if x._alias.spread:  # the library refuses to write where elements share a place
                    return inplace(x, compute, *operands)
                check_overlap(x, operands)
            if k.dtype_of(x._a).category != BOOL and k.update(name, x._a, *raw):
                count_version(x)
                return x
    return inplace(x, compute, *operands)


def check_out(out, have, requires_grad=False) -> None:
    """Refuses an ``out=`` tensor for a result of dtype ``have``.

    Raises:
        RuntimeError: dtypes cannot be converted, or gradients are asked for.
    """
    if not mode() & NO_GRAD and (out._req or requires_grad):
        raise RuntimeError("functions with out=... arguments don't support automatic differentiation, but one of the "
                           "arguments requires grad.")
    if have.category > out.dtype.category:
        raise RuntimeError(f"result type {have.legacy} can't be cast to the desired output type {out.dtype.legacy}")


def takes_out(function):
    """Gives a function the keyword ``out=``: a tensor that its result is written into."""

    @functools.wraps(function)
    def wrapped(*args, out=None, **kwargs):
        return function(*args, **kwargs) if out is None else store(out, function(*args, **kwargs))

    return wrapped


def store(out, result):
    """Writes a result into an ``out=`` tensor, resizing an empty one; returns ``out``.

    Raises:
        RuntimeError: dtypes cannot be converted, or gradients are asked for.
    """
    if out is None:
        return result
    if isinstance(result, tuple):
        for o, r in zip(out, result, strict=True):  # all are looked at before one is written
            check_out(o, r.dtype, r._req)
        for o, r in zip(out, result, strict=True):
            store(o, r)
        return type(result)(*out) if hasattr(result, "_fields") else tuple(out)
    check_out(out, result.dtype, result._req)
    k = out._k
    while result._k is not k and result._k.level:
        result = result._k.lower(result)
    array = k.cast(result._a, dtype=k.dtype_of(out._a))
    if tuple(out._a.shape) != tuple(array.shape):
        out._a, out._alias = k.copy(array), None
    else:
        check_inplace(out)
        overwrite(out, array)
    return out


def normalize_axis(dim: int, ndim: int) -> int:
    """An axis >= 0.

    Raises:
        IndexError: out of range; a 0-d tensor counts as having one dimension.
    """
    limit = max(ndim, 1)
    if not -limit <= dim < limit:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {dim})")
    return dim + limit if dim < 0 else dim


def normalize_axes(dim, ndim: int) -> tuple[int, ...]:
    """A sorted tuple of axes from None (all), a number or a sequence.

    Raises:
        IndexError: an axis is out of range.
        RuntimeError: one appears twice.
    """
    if dim is None:
        return tuple(range(ndim))
    if isinstance(dim, int):
        axis = normalize_axis(dim, ndim)
        return (axis,) if ndim else ()
    axes = sorted(normalize_axis(int(d), ndim) for d in dim)
    for a, b in zip(axes, axes[1:], strict=False):
        if a == b:
            raise RuntimeError(f"dim {a} appears multiple times in the list of dims")
    if not axes:
        return tuple(range(ndim))
    return tuple(axes) if ndim else ()


def shape_from(args) -> tuple[int, ...]:
    """Sizes given as numbers or as one sequence."""
    if len(args) == 1 and not isinstance(args[0], int) and (isinstance(args[0], (tuple, list)) or (
            hasattr(args[0], "__iter__") and not hasattr(args[0], "item"))):
        args = args[0]
    return tuple(n if type(n) is int else _as_size(n) for n in args)


def _as_size(n) -> int:
    if hasattr(n, "__index__"):
        return n.__index__()
    raise TypeError(f"argument 'size' must be tuple of ints, but found element of type {type(n).__name__}")
