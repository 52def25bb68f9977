"""Functions that make tensors."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.autograd.aliasing import share
from plugtorch.autograd.base import InferenceCell, wrap
from plugtorch.autograd.mode import INFERENCE, mode
from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import BOOL, COMPLEX, FLOAT, INT, DType

from . import state
from .dispatch import as_number, is_tensor, shape_from, store
from .tensor import Tensor


def _finish(array, k, requires_grad, out=None):
    t = wrap(array, k)
    if mode() & INFERENCE:
        t._cell = InferenceCell((0,))
    if out is not None:
        return store(out, t)
    if requires_grad:
        t.requires_grad_()
    return t


def filled(shape, value, dtype, device, requires_grad=False, out=None):
    """A tensor of one number; the base of zeros, ones, full and empty."""
    for n in shape:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(shape)}")
    k, device = state.resolve_device(device)
    if out is not None and dtype is None:
        dtype = out.dtype
    array = k.full(shape=tuple(shape), value=value, dtype=dtype or state.get_default_dtype(), device=device)
    return _finish(array, k, requires_grad, out)


def zeros(*size, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, names=None):
    """Zeros of the given shape, in the default dtype unless one is named."""
    return filled(shape_from(size), 0, dtype, device, requires_grad, out)


def ones(*size, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, names=None):
    """Ones of the given shape."""
    return filled(shape_from(size), 1, dtype, device, requires_grad, out)


def empty(*size, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False,
          memory_format=None, names=None):
    """A tensor of the given shape whose contents are unspecified (they are zeros here)."""
    return filled(shape_from(size), 0, dtype, device, requires_grad, out)


def full(size, fill_value, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, names=None):
    """One number everywhere; its kind decides the dtype unless one is named."""
    if is_tensor(fill_value):
        fill_value = fill_value.item()
    fill_value = as_number(fill_value)
    if dtype is None and out is None:
        dtype = _number_dtype(fill_value)
    return filled(shape_from((size,)), fill_value, dtype, device, requires_grad, out)


def _number_dtype(value):
    if isinstance(value, bool):
        return dtypes.bool_
    if isinstance(value, int):
        return dtypes.int64
    return state.get_default_dtype() if isinstance(value, float) else state.get_default_dtype().to_complex()


def _like(input, value, dtype, device, requires_grad):
    dtype = dtype or input.dtype
    if device is None:
        k, device = input._k, input.device
    else:
        k, device = state.resolve_device(device)
    return _finish(k.full(shape=tuple(input._a.shape), value=value, dtype=dtype, device=device), k, requires_grad)


def zeros_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """Zeros of another tensor's shape, dtype and device."""
    return _like(input, 0, dtype, device, requires_grad)


def ones_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """Ones of another tensor's shape, dtype and device."""
    return _like(input, 1, dtype, device, requires_grad)


def empty_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """A tensor of another's shape, dtype and device, with unspecified contents."""
    return _like(input, 0, dtype, device, requires_grad)


def full_like(input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """One number in another tensor's shape, dtype and device."""
    return _like(input, as_number(fill_value), dtype, device, requires_grad)


def arange(start, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, requires_grad=False,
           pin_memory=False):
    """``start, start + step, ...`` below ``end``; int64 if all are integers, else the default dtype.

    Raises:
        RuntimeError: step is 0, or its sign leads away from ``end``.
    """
    if end is None:
        start, end = 0, start
    start, end, step = (v.item() if is_tensor(v) else as_number(v) for v in (start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None:
        whole = all(isinstance(v, int) for v in (start, end, step))
        dtype = out.dtype if out is not None else dtypes.int64 if whole else state.get_default_dtype()
    k, device = state.resolve_device(device)
    return _finish(k.arange(start=start, stop=end, step=step, dtype=dtype, device=device), k, requires_grad, out)


def range_(start=0, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Like arange with ``end`` included; floating by default."""
    n = math.floor((end - start) / step) + 1
    return arange(start, start + n * step, step, out=out, dtype=dtype or state.get_default_dtype(), device=device,
                  requires_grad=requires_grad)


def linspace(start, end, steps, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """``steps`` values from start to end, both included, counted from the nearer end."""
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    start, end = (v.item() if is_tensor(v) else as_number(v) for v in (start, end))
    complex_ = isinstance(start, complex) or isinstance(end, complex)
    dtype = dtype or (out.dtype if out is not None else state.get_default_dtype())
    if complex_ and not dtype.is_complex:
        dtype = dtype.to_complex()
    k, device = state.resolve_device(device)
    work = dtype if dtype.category >= FLOAT and dtype not in dtypes.HALF else (
        dtypes.float64 if dtype.category == INT else dtypes.float32)
    line = _line(work.numpy.type(start), work.numpy.type(end), steps, work)
    if dtype.category == INT:
        line = np.trunc(line)
    return _finish(k.from_host(line.astype(dtype.numpy), device=device), k, requires_grad, out)


def _line(start, end, steps, work):
    """Values counted from the nearer end, each a product and a sum rounded once, as PyTorch's kernels do."""
    if steps == 1:
        return np.array([start])
    i, back = np.arange(steps), np.arange(steps - 1, -1, -1)
    step = (end - start) / work.numpy.type(max(steps - 1, 1))
    if work is dtypes.float32:
        start, end, step = map(np.float64, (start, end, step))
        return np.where(i < steps // 2, start + step * i, end - step * back).astype(np.float32)
    if work is dtypes.float64:
        from .random.rounding import fma64

        i, back = i.astype(np.float64), back.astype(np.float64)
        return np.where(i < steps // 2, fma64(i, step, start), fma64(back, -step, end))
    return np.where(i < steps // 2, start + step * i, end - step * back)


def logspace(start, end, steps, base=10.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """``base ** x`` for ``steps`` values x from start to end."""
    line = linspace(start, end, steps, dtype=dtypes.float64, device=device)
    powers = apply("pow", (float(base), line))
    result = powers.to(dtype or (out.dtype if out is not None else state.get_default_dtype()))
    if out is not None:
        return store(out, result)
    return result.requires_grad_() if requires_grad else result


def eye(n, m=None, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Ones on the diagonal of an (n, m) matrix of zeros."""
    k, device = state.resolve_device(device)
    dtype = dtype or (out.dtype if out is not None else state.get_default_dtype())
    return _finish(k.from_host(np.eye(n, m, dtype=dtype.numpy), device=device), k, requires_grad, out)


def _inferred(data):
    """A NumPy array for nested lists, numbers, arrays or tensors, and the dtype PyTorch would choose."""
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        return array, dtypes.BY_NAME.get(array.dtype.name)
    flat = _first_leaf(data)
    if is_tensor(flat):
        data = _unwrapped(data)
    try:
        array = np.array(data)
    except ValueError as error:
        raise ValueError(f"expected sequences of equal length at every depth: {error}") from error
    if array.dtype == object:
        if array.size == 0:
            return array.astype(np.float32), state.get_default_dtype()
        raise _conversion_error(data, array)
    if array.dtype.kind in "US":
        raise TypeError(f"new(): invalid data type {type(flat).__name__!r}")
    if array.size == 0 and array.dtype.kind == "f":
        return array, state.get_default_dtype()
    if isinstance(flat, np.generic):
        return array, dtypes.BY_NAME.get(array.dtype.name)
    return array, {"b": dtypes.bool_, "i": dtypes.int64, "u": dtypes.int64, "f": state.get_default_dtype(),
                   "c": state.get_default_dtype().to_complex()}[array.dtype.kind] \
        if not is_tensor(flat) else _sequence_dtype(array)


def _sequence_dtype(array):
    return dtypes.BY_NAME[array.dtype.name]


def _conversion_error(data, array):
    bad = next((v for v in array.ravel() if not isinstance(v, (bool, int, float, complex))), None)
    if isinstance(bad, int) or bad is None:
        return RuntimeError("Overflow when unpacking long long")
    return RuntimeError(f"Could not infer dtype of {type(bad).__name__}")


def _first_leaf(data):
    while isinstance(data, (list, tuple)):
        if not data:
            return None
        data = data[0]
    return data


def _unwrapped(data):
    if isinstance(data, (list, tuple)):
        return [_unwrapped(v) for v in data]
    if is_tensor(data):
        return data.item() if not data._a.shape else np.asarray(data._k.to_host(data._a))
    return data


def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """A new leaf tensor with a copy of ``data``: nested sequences, numbers, a NumPy array or a tensor.

    Floats take the default dtype, integers int64; NumPy arrays keep theirs.

    Raises:
        ValueError: rows of different length.
        TypeError, RuntimeError: values that are no numbers.
    """
    if is_tensor(data):
        t = data.detach().clone()
        return t.to(dtype=dtype, device=device).requires_grad_(requires_grad)
    array, inferred = _inferred(data)
    dtype = dtype or inferred
    if dtype is None:
        raise TypeError(f"can't convert np.ndarray of type {array.dtype}. The only supported types are: "
                        + ", ".join(d.name for d in dtypes.ALL) + ".")
    k, device = state.resolve_device(device)
    return _finish(k.from_host(_to_numpy_dtype(array, dtype), device=device), k, requires_grad)


def _to_numpy_dtype(array, dtype: DType):
    if array.dtype.kind == "c" and dtype.category < COMPLEX and dtype.category != BOOL:
        raise TypeError(f"can't convert complex data to {dtype!r}")
    with np.errstate(all="ignore"):
        if dtype.category == INT and array.dtype.kind == "f":
            array = array.astype(np.int64)
        return np.array(array, dtype=dtype.numpy)


def as_tensor(data, dtype=None, device=None):
    """``data`` as a tensor, sharing memory with a tensor or (on a host backend) a NumPy array where possible."""
    if is_tensor(data):
        return data.to(dtype=dtype, device=device)
    if isinstance(data, np.ndarray):
        t = from_numpy(data) if device is None else tensor(data, device=device)
        return t.to(dtype=dtype) if dtype is not None else t
    return tensor(data, dtype=dtype, device=device)


asarray = as_tensor


def from_numpy(ndarray):
    """A tensor on a NumPy array's own memory where the backend has mutable host arrays; a copy on others.

    Raises:
        TypeError: no array, or of a dtype that tensors have not.
        ValueError: an array with negative strides.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    if ndarray.dtype.name not in dtypes.BY_NAME:
        raise TypeError(f"can't convert np.ndarray of type {ndarray.dtype}. The only supported types are: "
                        + ", ".join(d.name for d in dtypes.ALL) + ".")
    if any(s < 0 for s in ndarray.strides):
        raise ValueError("At least one of the strides in the numpy array is negative, which tensors do not support. "
                         "Copy it first: array.copy()")
    k = state.current_backend()
    if k.aliases and k.default_device().type == "cpu":
        return wrap(ndarray, k)
    return wrap(k.from_host(ndarray, device=k.default_device()), k)


def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False):
    """A 1-d tensor from an object with the buffer protocol; shares memory on a host backend."""
    t = from_numpy(np.frombuffer(buffer, dtype=dtype.numpy, count=count, offset=offset))
    return t.requires_grad_() if requires_grad else t


def legacy_tensor(cls, args, device=None):
    """``Tensor(2, 3)``, ``Tensor([...])``, ``Tensor(tensor)``: always of the default dtype."""
    if not args:
        t = empty(0, device=device)
    elif is_tensor(args[0]):
        t = args[0].detach()
    elif len(args) == 1 and not isinstance(args[0], (int, torch_size())):
        t = tensor(args[0], dtype=state.get_default_dtype(), device=device)
    else:
        t = empty(*args, device=device)
    return t if cls is Tensor else as_subclass(t, cls)


def torch_size():
    from .tensor import Size

    return Size


def as_subclass(t, cls):
    """A tensor of class ``cls`` on t's memory and in its place in the graph."""
    new = share(t, t._a)
    new._req, new._node = t._req, t._node
    if t._req and t._node is None:
        new._req = False
        new = apply_identity(t, new)
    new.__class__ = cls
    return new


def apply_identity(t, alias):
    from plugtorch.autograd.record import cast_node

    alias._req, alias._node = True, cast_node(t, alias)
    return alias


def complex_(real, imag, *, out=None):
    """``real + 1j * imag`` of two real tensors of one dtype."""
    if real.dtype is not imag.dtype:
        raise RuntimeError(f"Expected object of scalar type {real.dtype.legacy} but got scalar type "
                           f"{imag.dtype.legacy} for second argument")
    return store(out, apply("complex", (real, imag)))


def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False):
    """A 0-d tensor of a number, of the default dtype."""
    return filled((), as_number(s), dtype, device, requires_grad)


