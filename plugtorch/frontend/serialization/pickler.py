"""The pickle stream of an archive: tensors as rebuild calls on storages, names as PyTorch's."""

from __future__ import annotations

import codecs
import pickle
from collections import OrderedDict
from types import FunctionType

from plugtorch.frontend.layouts import layout, strided
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.quantized.schemes import qscheme
from plugtorch.frontend.quantized.tensor import QuantizedTensor, integers_of
from plugtorch.frontend.storage import is_storage
from plugtorch.frontend.tensor import Size, Tensor
from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import DType, uint8

from .names import STORAGE_OF_DTYPE, module_in_file, place_in_file
from .settings import location_tag, place_name
from .storage import place


class _Name:
    """A global that exists only in the file."""

    _known: dict[tuple[str, str], _Name] = {}

    def __new__(cls, module, name):
        known = cls._known.get((module, name))
        if known is None:
            known = cls._known[module, name] = object.__new__(cls)
            known.module, known.name = module, name
        return known

    def __call__(self, *args):
        raise TypeError(f"{self.module}.{self.name} is a name in a file")


class _StorageReference:
    """Stands for a storage in the stream."""

    def __init__(self, identity):
        self.identity = identity


def _reduce_sparse(t):
    parts = t._a
    data = (*parts.plain, parts.values.detach(), Size(parts.shape))
    if len(parts.plain) == 1:
        data = (*data, parts.coalesced)
    return _Name("torch._utils", "_rebuild_sparse_tensor"), (parts.layout, data)


def make_pickler(base, file, protocol, views=()):
    """A pickler on top of a pickle module's Python pickler class; its ``storages`` are the host arrays by key, in order, and
    its ``widths`` the bytes of the elements that a reference counts.

    Args:
        views: what a reference to a storage ends with: nothing in archives, ``(None,)`` in the older format.
    """

    class ArchivePickler(base):
        def __init__(self):
            super().__init__(file, protocol=protocol)
            self.storages, self.widths = {}, {}
            self._keys = {}
            self._references = []

        def persistent_id(self, obj):
            if type(obj) is _StorageReference:
                return obj.identity
            if is_storage(obj):
                return self._refer(obj.line(getattr(obj, "dtype", uint8)))[0].identity
            return None

        def reducer_override(self, obj):
            if isinstance(obj, Tensor):
                return self._reduce_tensor(obj)
            kind = type(obj)
            if kind is FunctionType:
                return obj.__qualname__
            if kind is _Name:
                return obj.name
            if kind is bytes and not obj and protocol < 3:
                return codecs.encode, ("", "latin1")  # as other byte strings, where pickle would call bytes()
            if isinstance(obj, DType | qscheme):
                return obj.name
            if kind is Device:
                return _Name("torch", "device"), (obj.type,) if obj.index is None else (obj.type, obj.index)
            if kind is layout:
                return _Name("torch.serialization", "_get_layout"), (repr(obj),)
            if kind is Size:
                return _Name("torch", "Size"), (tuple(obj),)
            return NotImplemented

        def save_global(self, obj, name=None):
            if type(obj) is _Name:
                self._write_name(obj, obj.module, obj.name)
            elif isinstance(obj, DType | qscheme):
                self._write_name(obj, "torch", obj.name)
            elif obj is Tensor:
                self._write_name(obj, "torch", "Tensor")
            else:
                module = getattr(obj, "__module__", None)
                if isinstance(module, str) and module_in_file(module) != module:
                    self._write_name(obj, *place_in_file(obj, name))
                else:
                    super().save_global(obj, name)

        def _write_name(self, obj, module, name):
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
            self.memoize(obj)

        def _reduce_tensor(self, t):
            attributes = {k: v for k, v in t.__dict__.items()}
            kind = type(t)
            if kind is QuantizedTensor:
                return self._reduce_quantized(t)
            if t.layout is not strided:
                return _reduce_sparse(t)
            if isinstance(t, Parameter) and kind is Parameter:
                data = self._rebuild(t, requires_grad=False)
                parts = (_Deferred(data), t._req, OrderedDict())
                if attributes:
                    return _Name("torch._utils", "_rebuild_parameter_with_state"), (*parts, attributes)
                return _Name("torch._utils", "_rebuild_parameter"), parts
            call = self._rebuild(t, t._req)
            if attributes or kind is not Tensor:
                return _Name("torch._tensor", "_rebuild_from_type_v2"), (call[0], kind, call[1], attributes)
            return call

        def _reduce_quantized(self, t):
            q, integers = t._quantizer, integers_of(t)
            reference, placed = self._refer(integers, f"{q.dtype.legacy}Storage")
            parts = (q.scheme, q.scale, q.zero_point) if q.axis is None else (q.scheme, q.scale, q.zero_point, q.axis)
            return _Name("torch._utils", "_rebuild_qtensor"), (
                reference, placed.offset, tuple(integers._a.shape), placed.strides, parts, False, OrderedDict())

        def _refer(self, t, typed=None):
            """A reference to a tensor's storage, and the tensor's place in it.

            Args:
                typed: the storage class in the file, that of the tensor's dtype unless given.
            """
            placed = place(t)
            dtype, numel = t.dtype, len(placed.memory)
            key = self._keys.get(placed.key)
            if key is None:
                key = self._keys[placed.key] = str(len(self._keys))
                self.storages[key] = placed.memory
            typed = typed or STORAGE_OF_DTYPE.get(dtype)
            self.widths.setdefault(key, dtype.itemsize if typed else 1)
            if typed or views:
                kind = _Name("torch", typed or "ByteStorage")
            else:
                kind = _Name("torch.storage", "UntypedStorage")
            count = numel if typed else numel * dtype.itemsize
            reference = _StorageReference(("storage", kind, key,
                                           place_name(t.device) or location_tag(t.untyped_storage()), count, *views))
            self._references.append(reference)  # alive as long as the memo holds its id
            return reference, placed

        def _rebuild(self, t, requires_grad):
            if t.is_meta:
                parts = t.dtype, tuple(t._a.shape), tuple(t.stride()), bool(requires_grad)
                return _Name("torch._utils", "_rebuild_meta_tensor_no_storage"), parts
            reference, placed = self._refer(t)
            dtype = t.dtype
            typed = dtype in STORAGE_OF_DTYPE
            call = (reference, placed.offset, tuple(t._a.shape), placed.strides, bool(requires_grad), OrderedDict())
            if typed:
                return _Name("torch._utils", "_rebuild_tensor_v2"), call
            return _Name("torch._utils", "_rebuild_tensor_v3"), (*call, dtype)

        def save(self, obj, save_persistent_id=True):
            if type(obj) is _Deferred:
                # The data of a parameter has no object of its own here.
                return self.save_reduce(*obj.call)
            return super().save(obj, save_persistent_id)

    return ArchivePickler()


class _Deferred:
    """A rebuild call in the place of its result."""

    def __init__(self, call):
        self.call = call
