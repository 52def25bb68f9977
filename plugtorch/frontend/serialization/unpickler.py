"""Reading the pickle stream of a file, by default only what cannot run code.

The restricted reader knows a fixed list of names. Every one stands for a function that checks its arguments, or
for a type whose construction has no side effects; what is not on the list is refused by name.
"""

from __future__ import annotations

import collections
import inspect
import io
import pickle
import struct
import warnings

from plugtorch.frontend import layouts, storage
from plugtorch.frontend.functions import empty_strided
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.quantized import schemes
from plugtorch.frontend.quantized.tensor import Quantizer, quantized
from plugtorch.frontend.sparse import entry
from plugtorch.frontend.tensor import Size, Tensor
from plugtorch.frontend.tensor_extras import typename
from plugtorch.spec import dtypes
from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import DType

from .names import DTYPE_OF_STORAGE, find
from .safe_globals import allowed, allowed_types
from .storage import UntypedStorage, check_inside, check_repeated


class SourceChangeWarning(Warning):
    """The class of a module in a file has other source code now."""


class StorageKind:
    """A storage class of PyTorch's as it is named in a file."""

    def __init__(self, dtype: DType | None, quantized: DType | None = None):
        self.dtype, self.quantized = dtype, quantized

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize if self.dtype else 1


class FileStorage(storage.TypedStorage):
    """A storage of the file with the dtype that the file gives it; to the user a storage like others.

    Attributes:
        file: its memory.
        start, count: the part of it that is meant, in elements; old files have storages within storages.
        given: the dtype in the file, None for bytes.
        quantized: the dtype of quantised tensors on it.
    """

    __slots__ = ("file", "start", "count", "given", "quantized")

    def __init__(self, file: UntypedStorage, dtype: DType | None, start: int = 0, count: int | None = None,
                 quantized: DType | None = None):
        self.file, self.given, self.start, self.quantized = file, dtype, start, quantized
        self.dtype = dtype or dtypes.uint8
        whole = file.nbytes() // self.dtype.itemsize
        self.count = whole - start if count is None else count

    @property
    def _untyped_storage(self):
        return storage.UntypedStorage.of(self.tensor(self.dtype, 0, (self.count,), (1,)))

    def tensor(self, dtype, offset, size, stride):
        """A tensor on the part."""
        check_inside(size, stride, offset, dtype, self.count * self.dtype.itemsize)
        return self.file.tensor(dtype, self.start + offset, size, stride)


class FileError(pickle.UnpicklingError):
    """A file that cannot be read, or must not be; says why."""


def malformed(what) -> FileError:
    """The error for a file that PyTorch did not write."""
    return FileError(f"the file is malformed: {what}")


def _numbers(values, what):
    values = tuple(values)
    if not all(type(v) is int for v in values):
        raise malformed(f"{what} must be integers, got {values!r}")
    return values


def _tensor(storage, dtype, offset, size, stride, requires_grad, metadata):
    if not isinstance(storage, FileStorage) or not isinstance(dtype, DType):
        raise malformed("a tensor without a storage and a dtype")
    size, stride = _numbers(size, "sizes"), _numbers(stride, "strides")
    (offset,) = _numbers((offset,), "the storage offset")
    if len(size) != len(stride):
        raise malformed(f"a tensor with sizes {size} and strides {stride}")
    t = storage.tensor(dtype, offset, size, stride)
    for flag in metadata or ():
        if metadata[flag]:
            if flag not in ("conj", "neg"):
                raise malformed(f"unknown tensor metadata {flag!r}")
            check_repeated(size, dtype, storage.file.nbytes())
            t = t.conj() if flag == "conj" else -t
    return t.requires_grad_() if requires_grad else t


def rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata=None):
    """A tensor on a storage, with the storage's dtype."""
    dtype = storage.given if isinstance(storage, FileStorage) else None
    return _tensor(storage, dtype, offset, size, stride, requires_grad, metadata)


def rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata=None):
    """A tensor on an untyped storage."""
    return _tensor(storage, dtype, offset, size, stride, requires_grad, metadata)


def rebuild_tensor(storage, offset, size, stride):
    """A tensor as files of early versions name it."""
    return rebuild_tensor_v2(storage, offset, size, stride, False, None)


def rebuild_meta_tensor(dtype, size, stride, requires_grad):
    """A tensor without memory."""
    size, stride = _numbers(size, "sizes"), _numbers(stride, "strides")
    if not isinstance(dtype, DType) or len(size) != len(stride) or min((*size, *stride), default=0) < 0:
        raise malformed(f"a meta tensor with sizes {size} and strides {stride}")
    return empty_strided(size, stride, dtype=dtype, device="meta", requires_grad=bool(requires_grad))


def rebuild_quantized_tensor(storage, offset, size, stride, parameters, requires_grad, hooks):
    """A quantised tensor of its integers, its scheme, and the scale and zero point of each channel or of all."""
    if not isinstance(storage, FileStorage) or storage.quantized is None or not isinstance(parameters, tuple) \
            or len(parameters) not in (3, 4) or not isinstance(parameters[0], schemes.qscheme):
        raise malformed("a quantised tensor without a storage of quantised numbers or a scheme")
    scheme, scale, zero_point, *axis = parameters
    integers = _tensor(storage, storage.given, offset, size, stride, False, None)
    if not axis:
        if type(scale) not in (int, float) or type(zero_point) is not int:
            raise malformed(f"a quantised tensor with scale {scale!r} and zero point {zero_point!r}")
        return quantized(integers, Quantizer(storage.quantized, scheme, scale, zero_point))
    channels, (axis,) = (scale, zero_point), _numbers(axis, "the axis of channels")
    if not 0 <= axis < integers.dim() or not all(type(p) is Tensor and p.shape == (integers.shape[axis],) for p in channels):
        raise malformed(f"a quantised tensor of shape {tuple(integers.shape)} whose scales and zero points are not one "
                        f"for each index of dimension {axis}")
    return quantized(integers, Quantizer(storage.quantized, scheme, scale, zero_point, axis))


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
    for part in data:
        if isinstance(part, Tensor):
            check_repeated(part._a.shape, part.dtype, part.untyped_storage().nbytes())
    if layout is not layouts.sparse_coo:
        return entry.sparse_compressed_tensor(*data, layout=layout, check_invariants=True)
    indices, values, size, *coalesced = data
    return entry.sparse_coo_tensor(indices, values, size, check_invariants=True,
                                   is_coalesced=bool(coalesced and coalesced[0]))


def _layout(name):
    """The layout of a name such as ``torch.sparse_coo``."""
    found = getattr(layouts, name.removeprefix("torch."), None) if isinstance(name, str) else None
    if not isinstance(found, layouts.layout):
        raise malformed(f"a layout {name!r}")
    return found


def rebuild_from_type_v2(function, kind, args, state):
    """A tensor of a subclass, or with attributes of its own."""
    kind = kind.kind if isinstance(kind, _TypeName) else kind
    if not isinstance(kind, type) or not issubclass(kind, Tensor):
        raise malformed(f"a tensor of type {kind!r}")
    t = function(*args)
    if type(t) is not kind:
        t.__class__ = kind
    return _with_attributes(t, state)


def _with_attributes(t, state):
    if isinstance(state, tuple) and len(state) == 2:
        state = {**(state[0] or {}), **(state[1] or {})}
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise malformed("attributes of a tensor that are no dict")
    t.__dict__.update(state)
    return t


def _encode(text, encoding="latin1"):
    """Byte strings of old pickle protocols."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise malformed("a byte string that is not encoded as latin1")
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


_QUANTIZED = (schemes.qint8, schemes.quint8, schemes.qint32)
_FUNCTIONS = {
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor_v2,
    "torch._utils._rebuild_tensor_v3": rebuild_tensor_v3,
    "torch._utils._rebuild_meta_tensor_no_storage": rebuild_meta_tensor,
    "torch._utils._rebuild_qtensor": rebuild_quantized_tensor,
    "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild_parameter_with_state,
    "torch._tensor._rebuild_from_type_v2": rebuild_from_type_v2,
    "torch.device": Device,
    "torch.Size": Size,
    "torch.serialization._get_layout": _layout,
    "torch._utils._rebuild_sparse_tensor": rebuild_sparse_tensor,
    "torch.storage.UntypedStorage": StorageKind(None),
    **{f"torch.{d.name}": d for d in (*dtypes.ALL, *_QUANTIZED)},
    **{f"torch.{d.legacy}Storage": StorageKind(d.storage, d) for d in _QUANTIZED},
    **{f"torch.{name}": scheme for name, scheme in vars(schemes).items() if isinstance(scheme, schemes.qscheme)},
    **{f"torch.{place}{name}": StorageKind(d) for name, d in DTYPE_OF_STORAGE.items() for place in ("", "cuda.")},
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
def known_storage(name: str) -> StorageKind | None:
    """The storage class of a full name in a file, if it is one."""
    found = _FUNCTIONS.get(name)
    return found if isinstance(found, StorageKind) else None


_BUILT = (collections.OrderedDict, collections.Counter)


def parse_storage(pid):
    """The parts ``(kind, key, location, elements, view)`` of a persistent id ``("storage", kind, key, location, elements)``.

    Files before 1.6 have a sixth item, the view: None, or ``(key, offset, elements)`` of a storage within the storage.

    Raises:
        pickle.UnpicklingError: it has another form.
    """
    if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] not in ("storage", b"storage"):
        raise malformed(f"a reference of unknown form: {pid!r}")
    _, kind, key, location, count, *rest = pid
    view = rest[0] if rest else None
    if isinstance(location, bytes):
        location = location.decode("ascii", "replace")
    if not isinstance(kind, StorageKind) or type(count) is not int or count < 0:
        raise malformed(f"a reference of unknown form: {pid!r}")
    if not isinstance(key, str) or not isinstance(location, str):
        raise malformed(f"a storage with key {key!r} and location {location!r}")
    if view is not None:
        if not isinstance(view, tuple) or len(view) != 3:
            raise malformed(f"a view of a storage of unknown form: {view!r}")
        _, start, length = view
        _numbers((start, length), "offset and length of a view of a storage")
        if start < 0 or length < 0 or start + length > count:
            raise malformed(f"a view of elements {start} to {start + length} of a storage of {count}")
    return kind, key, location, count, view


class BoundedUnpickler(pickle._Unpickler):
    """An unpickler that takes no more memory or time than a multiple of its input."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, file, **options):
        super().__init__(file, **options)
        self._file = file

    def _read_bytearray(self):
        (size,) = struct.unpack("<Q", self.read(8))
        data = self.read(min(size, _remaining(self._file)))
        if len(data) < size:
            raise malformed(f"a byte string of {size} bytes where {len(data)} are left")
        self.append(bytearray(data))

    def _set_item(self):
        _check_key(self.stack[-2])
        pickle._Unpickler.load_setitem(self)

    def _set_items(self):
        for key in self.stack[::2]:
            _check_key(key)
        pickle._Unpickler.load_setitems(self)

    def _make_dict(self):
        for key in self.stack[::2]:
            _check_key(key)
        pickle._Unpickler.load_dict(self)

    def _add_items(self):
        for item in self.stack:
            _check_key(item)
        pickle._Unpickler.load_additems(self)

    def _make_frozenset(self):
        for item in self.stack:
            _check_key(item)
        pickle._Unpickler.load_frozenset(self)

    dispatch[pickle.BYTEARRAY8[0]] = _read_bytearray
    dispatch[pickle.SETITEM[0]] = _set_item
    dispatch[pickle.SETITEMS[0]] = _set_items
    dispatch[pickle.DICT[0]] = _make_dict
    dispatch[pickle.ADDITEMS[0]] = _add_items
    dispatch[pickle.FROZENSET[0]] = _make_frozenset


def _remaining(file) -> int:
    return len(file.getbuffer()) - file.tell()


def _check_key(key, depth=6):
    """Refuses keys that would take for ever to hash: tuples within tuples, the same one many times."""
    if isinstance(key, tuple | frozenset):
        if depth == 0 or len(key) > 1000:
            raise malformed("a dictionary key or set member of many nested tuples")
        for item in key:
            _check_key(item, depth - 1)


def _safe(name: str):
    known = _SAFE.get(name)
    return allowed(name) if known is None else known


def is_safe(name: str) -> bool:
    """Whether restricted loading may use the class or function of that full name in a file."""
    return _safe(name) is not None


class _OfArchive:
    """What both readers do: tensors' storages come from the file around the stream."""

    def __init__(self, data: bytes, archive_storage, **options):
        super().__init__(io.BytesIO(data), **options)
        self._archive_storage = archive_storage

    def persistent_load(self, pid):
        kind, key, location, count, view = parse_storage(pid)
        memory = self._archive_storage(key, location, count * kind.itemsize)
        return FileStorage(memory, kind.dtype, *(view[1:] if view else ()), quantized=kind.quantized)


class RestrictedUnpickler(_OfArchive, BoundedUnpickler):
    """Reads a stream that may come from anyone."""

    dispatch = dict(BoundedUnpickler.dispatch)

    def find_class(self, module, name):
        full = f"{module}.{name}"
        known = _safe(full)
        if known is None:
            shown = full.removeprefix("builtins.").removeprefix("__builtin__.")
            raise FileError(
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
            raise malformed(f"a state for {target!r}, which has none")
        pickle._Unpickler.load_build(self)

    dispatch[pickle.BUILD[0]] = _build


class FullUnpickler(_OfArchive, pickle.Unpickler):
    """Reads a stream of a trusted source, with PyTorch's names for this package's."""

    def persistent_load(self, pid):
        if isinstance(pid, tuple) and len(pid) == 4 and pid[0] in ("module", b"module"):
            return _module_class(*pid[1:])
        return super().persistent_load(pid)

    def find_class(self, module, name):
        known = _FUNCTIONS.get(f"{module}.{name}")
        if known is not None:
            return known
        if module == "torch" or module.startswith("torch."):
            return find(module, name)
        return super().find_class(module, name)


def _module_class(kind, file, source):
    """A module class of an old file, which has its source; warns where that is no longer the class's."""
    if file and source:
        try:
            now = inspect.getsource(kind)
        except (OSError, TypeError):
            return kind
        if now != source:
            warnings.warn(f"source code of class '{typename(kind)}' has changed since the file was saved, in {file}; the "
                          "class as it is now is used", SourceChangeWarning, stacklevel=2)
    return kind


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
    except (FileError, RuntimeError):
        raise
    except Exception as error:  # whatever a malformed stream makes the reader stumble over
        raise malformed(f"{type(error).__name__}: {error}") from error
