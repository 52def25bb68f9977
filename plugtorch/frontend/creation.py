"""Functions that make tensors."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.autograd.aliasing import share, view
from plugtorch.autograd.base import InferenceCell, wrap
from plugtorch.autograd.mode import INFERENCE, mode
from plugtorch.autograd.record import apply
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import BOOL, COMPLEX, FLOAT, INT, DType

from . import state
from .dispatch import NUMBERS, as_number, is_tensor, require_tensor, shape_from, store
from .strides import arrange, order_for
from .tensor import Tensor
from .unsupported import check_number_fits


def _finish(array, k, requires_grad, out=None):
    t = wrap(array, k)
    if mode() & INFERENCE:
        t._cell = InferenceCell((0,))
    if out is not None:
        return store(out, t)
    if requires_grad:
        t.requires_grad_()
    return t


_PYTHON_TYPES = {float: dtypes.float64, int: dtypes.int64, bool: dtypes.bool_, complex: dtypes.complex128}


def as_dtype(dtype):
    """A dtype from a dtype, one of Python's number types, or None.

    Raises:
        TypeError: something else.
    """
    if dtype is None or isinstance(dtype, DType):
        return dtype
    if dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    raise TypeError(f"argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")


def filled(shape, value, dtype, device, requires_grad=False, out=None):
    """A tensor of one number; the base of zeros, ones, full and empty."""
    for n in shape:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(shape)}")
    k, device = state.resolve_device(device)
    dtype = as_dtype(dtype)
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
    t = filled(shape_from(size), 0, dtype, device, requires_grad, out)
    return t if memory_format is None or out is not None else arrange(t, order_for(t, memory_format))


def empty_strided(size, stride, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor of given sizes and strides (in elements) whose contents are unspecified."""
    if len(size) != len(stride):
        raise RuntimeError(f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})")
    extent = 0 if 0 in size else 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    memory = filled((extent,), 0, dtype, device)
    return memory.as_strided(size, stride).detach().requires_grad_(requires_grad)


def empty_permuted(size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """A dense tensor whose dimensions lie in memory in the given order, from the outermost to the innermost."""
    size, order = shape_from((size,)), tuple(physical_layout)
    if len(size) != len(order):
        raise RuntimeError("Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
                           f"{len(size)} is not equal to len(physical_layout) = {len(order)}")
    for i, d in enumerate(order):
        if not 0 <= d < len(size):
            raise RuntimeError(f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got {d} at index "
                               f"{i}): negative dims are not supported here")
    if len(set(order)) < len(order):
        raise RuntimeError(f"Duplicate dim not allowed: {list(order)}")
    return arrange(filled(size, 0, dtype, device, requires_grad), order)


def full(size, fill_value, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, names=None):
    """One number everywhere; its kind decides the dtype unless one is named."""
    if is_tensor(fill_value):
        fill_value = fill_value.item()
    fill_value = as_number(fill_value)
    if isinstance(size, int):
        raise TypeError("full(): argument 'size' (position 1) must be tuple of ints, not int")
    if not isinstance(fill_value, NUMBERS):
        raise TypeError(f"full(): argument 'fill_value' (position 2) must be Number, not {type(fill_value).__name__}")
    dtype = as_dtype(dtype)
    if dtype is None and out is None:
        dtype = _number_dtype(fill_value)
    check_number_fits(fill_value, dtype or out.dtype)
    return filled(shape_from((size,)), fill_value, dtype, device, requires_grad, out)


def _number_dtype(value):
    if isinstance(value, bool):
        return dtypes.bool_
    if isinstance(value, int):
        return dtypes.int64
    return state.get_default_dtype() if isinstance(value, float) else state.get_default_dtype().to_complex()


def _like(input, value, dtype, device, requires_grad, memory_format=None):
    dtype = as_dtype(dtype) or input.dtype
    if device is None:
        k, device = input._k, input.device
    else:
        k, device = state.resolve_device(device)
    t = _finish(k.full(shape=tuple(input._a.shape), value=value, dtype=dtype, device=device), k, requires_grad)
    return arrange(t, order_for(input, memory_format))


def zeros_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """Zeros of another tensor's shape, dtype and device."""
    return _like(input, 0, dtype, device, requires_grad, memory_format)


def ones_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """Ones of another tensor's shape, dtype and device."""
    return _like(input, 1, dtype, device, requires_grad, memory_format)


def empty_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """A tensor of another's shape, dtype and device, with unspecified contents."""
    return _like(input, 0, dtype, device, requires_grad, memory_format)


def full_like(input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """One number in another tensor's shape, dtype and device."""
    check_number_fits(as_number(fill_value), dtype or input.dtype)
    return _like(input, as_number(fill_value), dtype, device, requires_grad, memory_format)


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
    if dtype.category == INT:
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError(f"step must be nonzero, but the dtype {dtype!r} makes it 0")
    k, device = state.resolve_device(device)
    return _finish(k.arange(start=start, stop=end, step=step, dtype=dtype, device=device), k, requires_grad, out)


def range_(start=0, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Like arange with ``end`` included; floating by default."""
    n = math.floor((end - start) / step) + 1
    return arange(start, start + n * step, step, out=out, dtype=dtype or state.get_default_dtype(), device=device,
                  requires_grad=requires_grad)


def _check_steps(name, start, end, steps):
    if not is_tensor(steps) and not hasattr(steps, "__index__"):
        raise TypeError(f"{name}() received an invalid combination of arguments - got ({type(start).__name__}, "
                        f"{type(end).__name__}, {type(steps).__name__}): steps must be int")


def linspace(start, end, steps, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """``steps`` values from start to end, both included, counted from the nearer end."""
    _check_steps("linspace", start, end, steps)
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
    if dtype.category == INT:
        line = np.trunc(_line(work.numpy.type(int(start)), work.numpy.type(int(end)), steps, work))
    else:
        line = _line(work.numpy.type(start), work.numpy.type(end), steps, work)
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
    _check_steps("logspace", start, end, steps)
    dtype = dtype or (out.dtype if out is not None else state.get_default_dtype())
    if dtype.category == INT:
        start, end = (int(v.item() if is_tensor(v) else v) for v in (start, end))
    line = linspace(start, end, steps, dtype=dtypes.float64, device=device)
    result = apply("pow", (float(base), line)).to(dtype)
    if out is not None:
        return store(out, result)
    return result.requires_grad_() if requires_grad else result


def eye(n, m=None, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Ones on the diagonal of an (n, m) matrix of zeros."""
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    k, device = state.resolve_device(device)
    dtype = as_dtype(dtype) or (out.dtype if out is not None else state.get_default_dtype())
    return _finish(k.from_host(np.eye(n, m, dtype=dtype.numpy), device=device), k, requires_grad, out)


def _inferred(data):
    """A NumPy array for nested lists, numbers, arrays or tensors, and the dtype PyTorch would choose."""
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        return array, dtypes.BY_NAME.get(array.dtype.name)
    found: list = []
    try:
        plain = _plain(data, found)
        array = np.array(plain)
        ragged = array.dtype == object or array.dtype.kind in "USV"
    except ValueError:
        ragged = True
    if ragged:
        raise _conversion_error(data)
    if array.size == 0 and array.dtype.kind == "f" and not found:
        return array, state.get_default_dtype()
    kind = None if array.dtype.kind == "u" and array.dtype.itemsize == 8 else array.dtype.kind
    if kind is None:
        raise ValueError("Overflow when unpacking long long")
    if found and isinstance(data, (list, tuple)):
        dtype = found[0]
        for other in found[1:]:
            dtype = dtypes.promote_types(dtype, other)
        if kind in "bifc" and dtype.category < _KINDS[kind].category:
            dtype = _python_dtype(kind)
        return array, dtype
    return array, _python_dtype(kind)


_KINDS = {"b": dtypes.bool_, "i": dtypes.int64, "f": dtypes.float32, "c": dtypes.complex64}


def _python_dtype(kind):
    default = state.get_default_dtype()
    return {"b": dtypes.bool_, "i": dtypes.int64, "f": default, "c": default.to_complex()}[kind]


def _plain(data, found):
    """Nested sequences with the tensors in them as numbers; ``found`` gathers the dtypes of tensors and arrays.

    Raises:
        ValueError, TypeError: a tensor of several elements.
    """
    if isinstance(data, (list, tuple)):
        if data and type(data[0]) in (int, float, bool) and all(type(v) is type(data[0]) for v in data):
            return data
        return [_plain(v, found) for v in data]
    if is_tensor(data):
        found.append(data.dtype)
        if data.numel() != 1:
            if data.dtype.category < FLOAT:
                raise TypeError("only integer tensors of a single element can be converted to an index")
            raise _NotOneElement("only one element tensors can be converted to Python scalars")
        return data.item()
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.name in dtypes.BY_NAME:
        found.append(dtypes.BY_NAME[data.dtype.name])
    return list(data) if isinstance(data, range) else data


class _NotOneElement(TypeError, ValueError):
    """Told apart from NumPy's ValueError for rows of different length."""


def _conversion_error(data):
    """PyTorch's error for data that make no array: a leaf that is no number, or rows of different length."""
    for leaf in _leaves(data):
        if isinstance(leaf, (str, bytes)):
            nested = isinstance(data, (list, tuple)) and data and data[0] is leaf
            return ValueError(f"too many dimensions '{type(leaf).__name__}'") if nested else TypeError(
                f"new(): invalid data type '{type(leaf).__name__}'")
        if isinstance(leaf, int):
            if not -2**63 <= leaf < 2**63:
                return ValueError("Overflow when unpacking long long")
        elif not isinstance(leaf, (float, complex, np.generic, np.ndarray)) and not is_tensor(leaf):
            return RuntimeError(f"Could not infer dtype of {type(leaf).__name__}")
    sizes, first = [], data
    while isinstance(first, (list, tuple, np.ndarray)):
        sizes.append(len(first))
        if not len(first):
            break
        first = first[0]
    return _ragged(data, sizes, 0) or ValueError("expected sequences of equal length at every depth")


def _leaves(data):
    if isinstance(data, (list, tuple)):
        for v in data:
            yield from _leaves(v)
    else:
        yield data


def _ragged(data, sizes, depth):
    if depth == len(sizes):
        if isinstance(data, (list, tuple)):
            return TypeError(f"'{type(data).__name__}' object cannot be interpreted as a number")
        return None
    if not isinstance(data, (list, tuple, np.ndarray)):
        return TypeError("not a sequence")
    if len(data) != sizes[depth]:
        return ValueError(f"expected sequence of length {sizes[depth]} at dim {depth} (got {len(data)})")
    return next((e for v in data if (e := _ragged(v, sizes, depth + 1)) is not None), None)


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
    dtype = as_dtype(dtype) or inferred
    if dtype is None:
        raise TypeError(f"can't convert np.ndarray of type {array.dtype}. The only supported types are: "
                        + ", ".join(d.name for d in dtypes.ALL) + ".")
    k, device = state.resolve_device(device)
    values = _to_numpy_dtype(array, dtype, not isinstance(data, np.ndarray))
    return _finish(k.from_host(values, device=device), k, requires_grad)


def _to_numpy_dtype(array, dtype: DType, checked=False):
    if array.dtype.kind == "c" and dtype.category < COMPLEX and dtype.category != BOOL:
        raise TypeError(f"must be real number, not complex, for a tensor of {dtype!r}")
    with np.errstate(all="ignore"):
        if dtype.category == INT and array.dtype.kind == "f":
            array = array.astype(np.int64)
        if checked and dtype.category == INT and dtype.itemsize < 8 and array.dtype.kind == "i" and array.size:
            low, high = int(array.min()), int(array.max())
            limits = np.iinfo(dtype.numpy)
            if low < (limits.min if dtype.is_signed else -limits.max) or high > limits.max:
                raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow")
        return np.array(array, dtype=dtype.numpy)


def as_tensor(data, dtype=None, device=None):
    """``data`` as a tensor, sharing memory with a tensor or (on a host backend) a NumPy array where possible."""
    if is_tensor(data):
        return data.to(dtype=dtype, device=device)
    if isinstance(data, np.ndarray):
        t = from_numpy(data) if device is None else tensor(data, device=device)
        return t.to(dtype=dtype) if dtype is not None else t
    return tensor(data, dtype=dtype, device=device)


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """``obj`` as a tensor: sharing memory with a tensor, array or buffer where possible (``copy=None``), always
    (``copy=False``) or never (``copy=True``).

    Raises:
        ValueError: ``copy=False`` and sharing is impossible.
    """
    buffer = isinstance(obj, (bytes, bytearray, memoryview))
    shared = is_tensor(obj) or isinstance(obj, np.ndarray) or buffer
    if buffer:
        t = frombuffer(obj, dtype=dtype or state.get_default_dtype())
    elif is_tensor(obj):
        t = obj.to(dtype=dtype, device=device)
    else:
        t = as_tensor(obj, dtype=dtype, device=device)
    if copy is False and not (shared and (dtype is None or dtype is getattr(obj, "dtype", dtype))):
        raise ValueError("can't alias arbitrary sequence into a tensor: copy=False asks for shared memory")
    if copy and shared:
        t = t.clone()
    if requires_grad:
        return t.detach().requires_grad_() if t is obj and not t._req else t.requires_grad_()
    return t if not t._req or is_tensor(obj) else t.detach()


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
    shared = k.share(ndarray)
    return wrap(k.from_host(ndarray, device=k.default_device()) if shared is None else shared, k)


def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False):
    """A 1-d tensor from an object with the buffer protocol; shares memory on a host backend.

    Raises:
        ValueError: no buffer, an empty one, or count and offset that do not fit it.
    """
    try:
        length = memoryview(buffer).nbytes
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    size = dtype.itemsize
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} bytes) "
                         "minus 1")
    if count < 0 and (length - offset) % size:
        raise ValueError(f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple of "
                         f"element size ({size})")
    if count > 0 and offset + count * size > length:
        raise ValueError(f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must not be "
                         f"greater than actual buffer length ({length} bytes)")
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
    if t._req:
        new = view(t, "reshape", {"shape": tuple(t._a.shape)}, None, "AliasBackward0")
    else:
        new, at = share(t, t._a), t._alias
        if at is not None and at.base is not None:
            new._alias.base, new._alias.steps, new._alias.made = at.base, at.steps, at.made
    new.__class__ = cls
    return new


def complex_(real, imag, *, out=None):
    """``real + 1j * imag`` of two real tensors of one dtype."""
    require_tensor(real, "complex", "real", 1)
    require_tensor(imag, "complex", "imag", 2)
    if real.dtype is not imag.dtype:
        raise RuntimeError(f"Expected object of scalar type {real.dtype.legacy} but got scalar type "
                           f"{imag.dtype.legacy} for second argument")
    if real.dtype not in (dtypes.float16, dtypes.float32, dtypes.float64):
        raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {real.dtype.legacy} and "
                           f"{imag.dtype.legacy}")
    y = apply("complex", (real, imag))
    if out is not None and out.dtype is not y.dtype:
        raise RuntimeError(f"Expected object of scalar type {y.dtype.legacy} but got scalar type {out.dtype.legacy} for "
                           "argument 'out'")
    return store(out, y)


def scalar_tensor(s, *, dtype=None, device=None, requires_grad=False):
    """A 0-d tensor of a number, of the default dtype."""
    return filled((), as_number(s), dtype, device, requires_grad)


