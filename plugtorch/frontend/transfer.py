"""Conversion between dtypes, devices and backends; copies; the way to NumPy and to Python numbers."""

from __future__ import annotations

import numpy as np

from plugtorch.autograd.aliasing import check_inplace, check_overlap, check_recorded, overwrite, rebase_copied, share
from plugtorch.autograd.base import wrap
from plugtorch.autograd.mode import DUAL, NO_GRAD, mode
from plugtorch.autograd.plans import PlanBase
from plugtorch.autograd.record import apply, edge_of, make_node
from plugtorch.spec import dtypes
from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import DType

from . import state
from .dispatch import is_tensor, to_dtype
from .layouts import preserve_format
from .methods import method
from .strides import arrange, contiguous, order_for


class TransferPlan(PlanBase):
    """The gradient of a move goes back the same way."""

    def __init__(self, k, device):
        self.k, self.device = k, device

    def run(self, k, g, saved):
        if hasattr(g, "_k"):
            return (transfer(g, self.k, self.device),)
        return (move(g, k, self.k, self.device),)

    @staticmethod
    def node_name(node):
        return "ToCopyBackward0"


def move(array, source, target, device):
    """An array on another backend or device."""
    if source is target:
        return source.to_device(array, device)
    return target.from_host(np.asarray(source.to_host(array)), device=device)


def transfer(t, k, device: Device):
    """``t`` on backend ``k`` and a device of it, recorded; itself if it is there."""
    here = t._k.device_of(t._a)
    if k is t._k and (device == here or (device.index is None and device.type == here.type)):
        return t
    if t._k.level > k.level:  # stays what it is inside of a mapped function
        return t._k.moved(t, lambda value: transfer(value, k, device))
    if k.level > t._k.level:
        return k.lift(t)
    new = wrap(move(t._a, t._k, k, device), k)
    if t._req and not mode() & NO_GRAD:
        new._node = make_node(TransferPlan(t._k, here), k, (edge_of(t),), new._a, (), ())
        new._req = True
    return new


def _parse_to(args, kwargs):
    device, dtype, backend = kwargs.get("device"), kwargs.get("dtype"), kwargs.get("backend")
    flags = []
    for a in args:
        if isinstance(a, DType):
            dtype = a
        elif is_tensor(a):
            dtype, device, backend = a.dtype, a.device, a._k.name
        elif isinstance(a, bool):
            flags.append(a)
        elif a is not None:
            device = a
    other = kwargs.get("other")
    if other is not None:
        dtype, device, backend = other.dtype, other.device, other._k.name
    copy = kwargs.get("copy", flags[1] if len(flags) > 1 else False)
    return device, dtype, backend, copy


@method
def to(self, *args, **kwargs):
    """The tensor in another dtype, on another device or backend: ``to(dtype)``, ``to(device, dtype)``, ``to(other)``,
    ``to(backend="jax")``. Itself if nothing changes and ``copy`` is not set.

    Raises:
        RuntimeError: the backend has no such device.
    """
    device, dtype, backend, copy = _parse_to(args, kwargs)
    t = self
    if backend is not None or device is not None:
        k = state.backend_named(backend) if backend is not None else t._k
        if device is None:
            place = k.default_device() if k is not t._k else t.device
        else:
            place = Device(device)
            if backend is None and place.type not in {d.type for d in k.devices()}:
                current = state.current_backend()
                k = current if place.type in {d.type for d in current.devices()} else state.backend_with(k, place)
            else:
                k = state.backend_with(k, place)
        t = transfer(t, k, place)
    if dtype is not None:
        t = to_dtype(t, dtype)
    memory_format = kwargs.get("memory_format")
    if memory_format is not None and memory_format is not preserve_format:
        t = contiguous(t, memory_format)
    return clone(t) if copy and t is self else t


@method
def clone(input, *, memory_format=None):
    """A copy in fresh memory, through which gradients flow; it keeps the order of the strides unless another memory
    format is named."""
    order = order_for(input, memory_format)
    return arrange(apply("copy", (input,)), order)


@method
def cpu(self, memory_format=None):
    """The tensor on a host backend."""
    return to(self, "cpu")


@method
def cuda(self, device=None, non_blocking=False, memory_format=None):
    """The tensor on a CUDA device of its backend or the current one."""
    return to(self, Device("cuda") if device is None else device)


@method
def type(self, dtype=None, non_blocking=False, **kwargs):
    """The tensor's type string, or the tensor in another dtype."""
    if dtype is None:
        place = "torch.cuda." if self.device.type == "cuda" else "torch."
        return f"{place}{self.dtype.legacy}Tensor"
    if isinstance(dtype, str):
        name = dtype.rsplit(".", 1)[-1].removesuffix("Tensor")
        found = next((d for d in dtypes.ALL if d.legacy == name), None)
        if found is None:
            raise ValueError(f"invalid type: {dtype!r}")
        dtype = found
    dtype = getattr(dtype, "dtype", dtype)
    return to_dtype(self, dtype)


@method
def type_as(self, other):
    """The tensor in another's dtype and place."""
    return to(self, other)


def _caster(name, target):
    def cast(self, memory_format=None):
        return to_dtype(self, target)

    cast.__name__ = name
    cast.__doc__ = f"The tensor as {target.name}."
    method(cast)


for _name, _dtype in {
    "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "bfloat16": dtypes.bfloat16,
    "int": dtypes.int32, "long": dtypes.int64, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8,
    "bool": dtypes.bool_, "cfloat": dtypes.complex64, "cdouble": dtypes.complex128,
}.items():
    _caster(_name, _dtype)


@method
def detach(self):
    """A tensor on the same memory outside the graph; it shares the version counter."""
    return share(self, self._a)


@method
def detach_(self):
    """Cuts the tensor off from its graph, in place.

    Raises:
        RuntimeError: a view, which must keep to its base.
    """
    at = self._alias
    if at is not None and at.base is not None:
        raise RuntimeError("Can't detach views in-place. Use detach() instead. If you are using "
                           "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as True")
    self._req, self._node = False, None
    return self


def _get_data(self):
    return share(self, self._a, cell=False)


def _set_data(self, value):
    """Puts another tensor's memory under this one; both must have compatible kinds."""
    if not is_tensor(value):
        raise TypeError(f"data must be a Tensor, got {value.__class__.__name__}")
    if self._req and not value.dtype.differentiable:
        raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
    twin = share(value, value._a)
    self._a, self._k, self._alias = twin._a, twin._k, twin._alias
    self._alias.storage.add(self)


method(property(_get_data, _set_data, doc="The values outside the graph: writes to it are seen here, and uncounted."),
       name="data")


@method
def numpy(self, *, force=False):
    """The values as a NumPy array, sharing memory on a host backend with mutable arrays.

    Raises:
        RuntimeError: the tensor requires grad; detach it first.
        TypeError: it is not on the CPU; move it first.
    """
    if force:
        return np.asarray(self._k.to_host(self._a))
    if self._req:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    if self.device.type != "cpu":
        raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor "
                        "to host memory first.")
    if self.dtype is dtypes.bfloat16:
        raise TypeError("Got unsupported ScalarType BFloat16")
    return np.asarray(self._k.to_host(self._a))


@method
def __array__(self, dtype=None, copy=None):
    """The values as a NumPy array, for NumPy's functions."""
    array = numpy(self)
    if dtype is not None and array.dtype != dtype:
        return array.astype(dtype)
    return np.array(array) if copy else array


@method
def __array_wrap__(self, array, context=None, return_scalar=False):
    """The result of a NumPy function of a tensor as a tensor."""
    from .creation import from_numpy

    if array.dtype == bool:
        array = array.astype(np.uint8)
    return from_numpy(np.asarray(array))


method(1000, name="__array_priority__")  # NumPy's scalars and arrays leave operators to the tensor


@method
def item(self):
    """The only element, as a Python number.

    Raises:
        RuntimeError: the tensor has not exactly one element.
    """
    n = self.numel()
    if n != 1:
        raise RuntimeError(f"a Tensor with {n} elements cannot be converted to Scalar")
    value = self._k.to_host(self._a).reshape(-1)[0].item()
    return value


@method
def tolist(self):
    """The values as nested lists of Python numbers; a number for a 0-d tensor."""
    array = self._k.to_host(self._a)
    if self.dtype is dtypes.bfloat16:
        array = array.astype(np.float32)
    return array.tolist()


@method
def copy_(self, src, non_blocking=False):
    """Writes ``src``'s values into this tensor, broadcasting and converting; gradients flow to ``src``."""
    if not is_tensor(src):
        src = state_tensor(src, self)
    check_inplace(self)
    k = self._k
    if self._alias is not None and src._alias is not None:
        check_overlap(self, (src,))
    if tuple(src._a.shape) != tuple(self._a.shape):
        src = src.expand(tuple(self._a.shape))
    while src._k.level > k.level:
        src = src._k.lower(src)
    if src._k is not k:
        src = transfer(src, k, self.device)
    src = to_dtype(src, self.dtype)
    if mode() & DUAL:
        from plugtorch.autograd.tangents import written

        written(self, src)
    recording = not mode() & NO_GRAD
    if recording and (src._req or self._req):
        check_recorded(self)
        array = src._a
        overwrite(self, array if not k.aliases else k.copy(array))
        holder = src
        if src._req and src._node is None:
            holder = apply("copy", (src,))
        elif not src._req:
            holder = wrap(array, k)
        rebase_copied(self, holder)
        return self
    overwrite(self, src._a)
    return self


def state_tensor(value, like):
    from .creation import tensor

    return tensor(value, dtype=like.dtype)
