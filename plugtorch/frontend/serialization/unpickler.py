"""Reading the pickle stream of an archive, by default only what cannot run code.

The restricted reader knows a fixed list of names. Every one stands for a function that checks its arguments, or
for a type whose construction has no side effects; what is not on the list is refused by name.
"""

from __future__ import annotations

import collections
import io
import pickle

from plugtorch.frontend import layouts
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.sparse import entry
from plugtorch.frontend.tensor import Size, Tensor
from plugtorch.spec import dtypes
from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import DType

from .names import DTYPE_OF_STORAGE, find
from .safe_globals import allowed, allowed_types
from .storage import UntypedStorage


class StorageKind:
    """A storage class of PyTorch's as it is named in a file."""

    def __init__(self, dtype: DType | None):
        self.dtype = dtype


class TypedStorage:
    """A storage with the dtype that the file gives it."""

    def __init__(self, untyped: UntypedStorage, dtype: DType | None):
        self.untyped, self.dtype = untyped, dtype


def _malformed(what):
    return pickle.UnpicklingError(f"the file is malformed: {what}")


def _numbers(values, what):
    values = tuple(values)
    if not all(type(v) is int for v in values):
        raise _malformed(f"{what} must be integers, got {values!r}")
    return values


def _tensor(storage, dtype, offset, size, stride, requires_grad, metadata):
    if not isinstance(storage, TypedStorage) or not isinstance(dtype, DType):
        raise _malformed("a tensor without a storage and a dtype")
    size, stride = _numbers(size, "sizes"), _numbers(stride, "strides")
    (offset,) = _numbers((offset,), "the storage offset")
    if len(size) != len(stride):
        raise _malformed(f"a tensor with sizes {size} and strides {stride}")
    t = storage.untyped.tensor(dtype, offset, size, stride)
    for flag in metadata or ():
        if metadata[flag]:
            if flag not in ("conj", "neg"):
                raise _malformed(f"unknown tensor metadata {flag!r}")
            t = t.conj() if flag == "conj" else -t
    return t.requires_grad_() if requires_grad else t


def rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata=None):
    """A tensor on a storage, with the storage's dtype."""
    dtype = storage.dtype if isinstance(storage, TypedStorage) else None
    return _tensor(storage, dtype, offset, size, stride, requires_grad, metadata)


def rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata=None):
    """A tensor on an untyped storage."""
    return _tensor(storage, dtype, offset, size, stride, requires_grad, metadata)


def rebuild_tensor(storage, offset, size, stride):
    """A tensor as files of early versions name it."""
    return rebuild_tensor_v2(storage, offset, size, stride, False, None)


def rebuild_parameter(data, requires_grad, hooks=None):
    """A parameter on the memory of ``data``."""
    if type(data) is not Tensor:
        return Parameter(data, requires_grad)
    data._req, data._node = False, None
    data.__class__ = Parameter
    return data.requires_grad_(bool(requires_grad))


def rebuild_parameter_with_state(data, requires_grad, hooks, state):
    """A parameter with attributes of its own."""
    return _with_attributes(rebuild_parameter(data, requires_grad), state)


def rebuild_sparse_tensor(layout, data):
    """A sparse tensor of its parts, which are checked."""
    if layout is not layouts.sparse_coo:
        return entry.sparse_compressed_tensor(*data, layout=layout, check_invariants=True)
    indices, values, size, *coalesced = data
    return entry.sparse_coo_tensor(indices, values, size, check_invariants=True,
                                   is_coalesced=bool(coalesced and coalesced[0]))


def _layout(name):
    """The layout of a name such as ``torch.sparse_coo``."""
    found = getattr(layouts, name.removeprefix("torch."), None) if isinstance(name, str) else None
    if not isinstance(found, layouts.layout):
        raise _malformed(f"a layout {name!r}")
    return found


def rebuild_from_type_v2(function, kind, args, state):
    """A tensor of a subclass, or with attributes of its own."""
    kind = kind.kind if isinstance(kind, _TypeName) else kind
    if not isinstance(kind, type) or not issubclass(kind, Tensor):
        raise _malformed(f"a tensor of type {kind!r}")
    t = function(*args)
    if type(t) is not kind:
        t.__class__ = kind
    return _with_attributes(t, state)


def _with_attributes(t, state):
    if isinstance(state, tuple) and len(state) == 2:
        state = {**(state[0] or {}), **(state[1] or {})}
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise _malformed("attributes of a tensor that are no dict")
    t.__dict__.update(state)
    return t


def _encode(text, encoding="latin1"):
    """Byte strings of old pickle protocols."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _malformed("a byte string that is not encoded as latin1")
    return text.encode("latin1")


def _bytes_as(kind):
    """A constructor of byte strings from byte strings: one that took a length could claim any amount of memory."""
    def make(data=b"", encoding="latin1"):
        return kind(_encode(data, encoding) if isinstance(data, str) else bytes(memoryview(data)))

    return make


class _TypeName:
    """A tensor class where a file may name it but not call it."""

    def __init__(self, kind):
        self.kind = kind


_FUNCTIONS = {
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor_v2,
    "torch._utils._rebuild_tensor_v3": rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild_parameter_with_state,
    "torch._tensor._rebuild_from_type_v2": rebuild_from_type_v2,
    "torch.device": Device,
    "torch.Size": Size,
    "torch.serialization._get_layout": _layout,
    "torch._utils._rebuild_sparse_tensor": rebuild_sparse_tensor,
    "torch.storage.UntypedStorage": StorageKind(None),
    **{f"torch.{d.name}": d for d in dtypes.ALL},
    **{f"torch.{name}": StorageKind(d) for name, d in DTYPE_OF_STORAGE.items()},
}
_SAFE = {
    **_FUNCTIONS,
    "torch.Tensor": _TypeName(Tensor),
    "torch.nn.parameter.Parameter": _TypeName(Parameter),
    "collections.OrderedDict": collections.OrderedDict,
    "collections.Counter": collections.Counter,
    "_codecs.encode": _encode,
    **{f"{module}.{name}": known for module in ("builtins", "__builtin__")
       for name, known in (("set", set), ("complex", complex), ("bytes", _bytes_as(bytes)),
                           ("bytearray", _bytes_as(bytearray)))},
}
_BUILT = (collections.OrderedDict, collections.Counter)


def _storage_of(archive_storage, pid):
    """The storage of a persistent id ``('storage', class, key, location, elements)``."""
    if not isinstance(pid, tuple) or len(pid) != 5 or pid[0] != "storage" or not isinstance(pid[1], StorageKind) \
            or type(pid[4]) is not int or pid[4] < 0:
        raise _malformed(f"a reference of unknown form: {pid!r}")
    _, kind, key, location, count = pid
    if not isinstance(key, str) or not isinstance(location, str):
        raise _malformed(f"a storage with key {key!r} and location {location!r}")
    needed = count * (kind.dtype.itemsize if kind.dtype else 1)
    return TypedStorage(archive_storage(key, location, needed), kind.dtype)


class _OfArchive:
    """What both readers do: tensors' storages come from the archive around the stream."""

    def __init__(self, data: bytes, archive_storage, **options):
        super().__init__(io.BytesIO(data), **options)
        self._archive_storage = archive_storage

    def persistent_load(self, pid):
        return _storage_of(self._archive_storage, pid)


class RestrictedUnpickler(_OfArchive, pickle._Unpickler):
    """Reads a stream that may come from anyone."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def find_class(self, module, name):
        full = f"{module}.{name}"
        known = _SAFE.get(full)
        if known is None:
            known = allowed(full)
        if known is None:
            shown = full.removeprefix("builtins.").removeprefix("__builtin__.")
            raise pickle.UnpicklingError(
                "Weights only load failed: the file names something that could run code, and it was not run. "
                f"Unsupported global: GLOBAL {shown} was not an allowed global by default. Please use "
                f"`torch.serialization.add_safe_globals([{shown}])` or the "
                f"`torch.serialization.safe_globals([{shown}])` context manager to allowlist this global if you trust "
                "this class/function. Loading with `weights_only=False` allows everything, and lets the file run any "
                "code: do that only with files from a source you trust."
            )
        return known

    def _build(self):
        """Sets the state of instances only: never attributes of classes or functions."""
        target, state = self.stack[-2], self.stack[-1]
        if not (type(target) in _BUILT and type(state) is dict or type(target) in allowed_types()):
            raise _malformed(f"a state for {target!r}, which has none")
        pickle._Unpickler.load_build(self)

    dispatch[pickle.BUILD[0]] = _build


class FullUnpickler(_OfArchive, pickle.Unpickler):
    """Reads a stream of a trusted source, with PyTorch's names for this package's."""

    def find_class(self, module, name):
        known = _FUNCTIONS.get(f"{module}.{name}")
        if known is not None:
            return known
        if module == "torch" or module.startswith("torch."):
            return find(module, name)
        return super().find_class(module, name)


def read(data: bytes, archive_storage, weights_only: bool, options: dict):
    """The object of a stream.

    Args:
        archive_storage: ``f(key, location, bytes)``, which gives the storages it refers to.

    Raises:
        pickle.UnpicklingError: it names what is not allowed, or is malformed.
    """
    if not weights_only:
        return FullUnpickler(data, archive_storage, **options).load()
    try:
        return RestrictedUnpickler(data, archive_storage, **options).load()
    except (pickle.UnpicklingError, RuntimeError):
        raise
    except Exception as error:  # whatever a malformed stream makes the reader stumble over
        raise _malformed(f"{type(error).__name__}: {error}") from error
