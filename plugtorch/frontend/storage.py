"""The memory under tensors: addressing it by strides, resizing it, and the storage objects that stand for it."""

from __future__ import annotations

import math

from plugtorch.autograd.aliasing import Alias, alias_of, make_stale, read_steps, share
from plugtorch.autograd.base import TensorBase, edge_of, wrap
from plugtorch.autograd.layout import contiguous_strides, layout_of, memory_order
from plugtorch.autograd.mode import NO_GRAD, mode
from plugtorch.autograd.plans import PlanBase
from plugtorch.autograd.record import cell_of, make_node
from plugtorch.autograd.tangents import push_by
from plugtorch.spec import dtypes

from .dispatch import shape_from
from .methods import method
from .shaping import rename_in_place
from .tensor import Tensor

__all__ = ["TypedStorage", "UntypedStorage", "as_strided", "is_storage"]


# A storage as one line of elements.

def line_steps(k, root):
    """Steps from a storage's root to its elements in the order in which they lie in memory.

    Raises:
        RuntimeError: the root leaves gaps (a NumPy array that is itself a part of a larger one).
    """
    shape = tuple(root.shape)
    plain = tuple(range(len(shape)))
    order = plain if 0 in shape else memory_order(shape, k.strides_of(root) or contiguous_strides(shape))
    if order is None:
        raise RuntimeError("the memory of this tensor has gaps between its elements and cannot be addressed as one line: "
                           "clone the tensor first")
    steps = () if order == plain else (("permute", {"axes": order}),)
    return steps if len(shape) == 1 else (*steps, ("reshape", {"shape": (math.prod(shape),)}))


def _line_as(k, root, dtype):
    """Steps to the line of a root's memory in another dtype, and its length; a last element that is not whole is left
    out."""
    steps, have, n = line_steps(k, root), k.dtype_of(root), math.prod(root.shape)
    if have is dtype:
        return steps, n
    count = n * have.itemsize // dtype.itemsize
    if count * dtype.itemsize != n * have.itemsize:
        whole = {"start": (0,), "stop": (count * dtype.itemsize,), "step": (1,)}
        steps += (("bitcast", {"dtype": dtypes.uint8}), ("slice", whole))
    return (*steps, ("bitcast", {"dtype": dtype})), count


class AsStridedPlan(PlanBase):
    """Elements read at strides from the storage of a tensor: their gradients are added up at their places, of which the
    tensor's own are then read."""

    def __init__(self, own, strided, count):
        self.own, self.strided, self.count = own, strided, count

    def run(self, k, g, saved):
        n = self.count
        positions = k.arange(start=0, stop=n, step=1, dtype=dtypes.int64, device=k.device_of(g))
        m = math.prod(g.shape)
        where = k.reshape(read_steps(k, positions, (self.strided,)), shape=(m,))
        zero = k.full(shape=(n,), value=0, dtype=k.dtype_of(g), device=k.device_of(g))
        memory = k.index_put(zero, k.reshape(g, shape=(m,)), where, accumulate=True)
        own = read_steps(k, positions, (self.own,))
        return (k.reshape(k.take(memory, k.reshape(own, shape=(math.prod(own.shape),)), axis=0), shape=own.shape),)

    def node_name(self, node):
        return "AsStridedBackward0"


def _check_strided(size, stride, offset, extent, itemsize):
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in stride):
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    if any(n < 0 for n in size):
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(size)} and strides={list(stride)}")
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    need = 0 if 0 in size else offset + 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if need > extent:
        raise RuntimeError(f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize "
                           f"{itemsize} requiring a storage size of {need * itemsize} are out of bounds for storage of "
                           f"size {extent * itemsize}")


@method
def as_strided(input, size, stride, storage_offset=None):
    """A view of the tensor's storage by sizes, strides and offset in elements.

    Raises:
        RuntimeError: negative strides, or elements outside the storage.
    """
    k, at = input._k, alias_of(input)
    root = at.storage.root
    size, stride = shape_from((size,)), shape_from((stride,))
    shape, strides, own_offset = layout_of(input)
    offset = own_offset if storage_offset is None else int(storage_offset)
    line, extent = _line_as(k, root, input.dtype)
    _check_strided(size, stride, offset, extent, input.dtype.itemsize)
    step = ("as_strided", {"shape": size, "strides": stride, "offset": offset})
    path = (*line, step)
    base = at.base if at.base is not None and not (input._req and input._node is None) else input
    own_path = base._alias.path
    whole = not own_path
    v = share(input, read_steps(k, root, path), base=base, steps=path if whole else None)
    v._alias.path, v._alias.spread = path, True
    v._alias.made = at.made
    if mode() & NO_GRAD:
        v._req, v._alias.made = input._req, at.made or "no_grad"
    elif input._req:
        own = ("as_strided", {"shape": shape, "strides": strides, "offset": own_offset})
        plan = AsStridedPlan(own, step, extent)
        v._node, v._req = make_node(plan, k, (edge_of(input),), v._a, (), ()), True
    push_by(v, input, lambda tangent: as_strided(tangent, size, stride, storage_offset))
    return v


rename_in_place(as_strided)


@method
def as_strided_scatter(input, src, size, stride, storage_offset=None):
    """A copy with the elements at the given strides replaced."""
    from .indexing import scattered_view

    return scattered_view(input, src, lambda y: as_strided(y, size, stride, storage_offset),
                          "AsStridedScatterBackward0")


__all__.append("as_strided_scatter")


# Replacing the memory.

def place_on(t, storage, k, path, array) -> None:
    """Makes ``t`` lie on a storage; its place in the graph stays."""
    t._alias = Alias(storage, path, spread=any(name == "as_strided" for name, _ in path))
    t._k, t._a = k, array
    storage.add(t)


@method
def set_(self, source=None, storage_offset=0, size=None, stride=None):
    """Puts the memory of a tensor or a storage under this one, with sizes and strides if they are given.

    Raises:
        RuntimeError: another dtype, or elements outside the storage.
    """
    if source is None:
        source = wrap(self._k.full(shape=(0,), value=0, dtype=self.dtype, device=self.device), self._k)
    if not isinstance(source, (TensorBase, UntypedStorage, TypedStorage)):
        raise TypeError(f"set_() received an invalid combination of arguments - got ({type(source).__name__}), but expected "
                        "a Tensor or a Storage")
    if isinstance(source, (UntypedStorage, TypedStorage)):
        if isinstance(source, TypedStorage) and source.dtype is not self.dtype:
            raise RuntimeError(f"Expected a Storage of type {self.dtype.name} or an UntypedStorage, but got type "
                               f"{source.dtype.name} for argument 1 'storage'")
        source = source.line(self.dtype)
        if size is None:
            size = (source.numel(),)
    if source.dtype is not self.dtype:
        raise RuntimeError(f"Could not set tensor of type {source.dtype.name} to a tensor of type {self.dtype.name}")
    if size is not None:
        size = shape_from((size,))
        source = source.detach().as_strided(size, contiguous_strides(size) if stride is None else stride, storage_offset)
    if self._req and not mode() & NO_GRAD and self._node is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    at = alias_of(source)
    place_on(self, at.storage, source._k, at.path, source._a)
    return self


def grow(storage, k, count) -> None:
    """Enlarges a storage to ``count`` elements; its tensors keep their places."""
    root = storage.root
    line = line_steps(k, root)
    old = math.prod(root.shape)
    memory = k.full(shape=(count,), value=0, dtype=k.dtype_of(root), device=k.device_of(root))
    one = {"start": (0,), "stop": (old,), "step": (1,)}
    memory = k.slice_put(memory, read_steps(k, root, line), **one)
    back = (("slice", one),)
    if line:
        packed = line[0][1]["axes"] if line[0][0] == "permute" else tuple(range(len(root.shape)))
        back += (("reshape", {"shape": tuple(root.shape[i] for i in packed)}),
                 ("permute", {"axes": tuple(packed.index(i) for i in range(len(packed)))}))
    live = storage.live()
    for t in live:
        t._a  # noqa: B018  (a stale one reads itself before the root moves)
    storage.root = memory
    for t in live:
        t._alias.path = (*back, *t._alias.path)
        if k.aliases:
            t._a = read_steps(k, memory, t._alias.path)
    if not k.aliases:
        make_stale(storage)


@method
def resize_(self, *sizes, memory_format=None):
    """Other sizes on the same memory, which grows if it must; elements keep their order in memory, new ones are unset
    (zero here).

    Raises:
        RuntimeError: the tensor requires grad.
    """
    size = shape_from(sizes)
    if self._req:
        raise RuntimeError("cannot resize variables that require grad")
    if any(n < 0 for n in size):
        raise RuntimeError(f"Trying to resize a tensor to a negative dimension: {list(size)}")
    if tuple(self._a.shape) == size:
        return self
    storage, k = alias_of(self).storage, self._k
    offset = layout_of(self)[2]
    need = offset + math.prod(size)
    if need > math.prod(storage.root.shape):
        grow(storage, k, need)
    path = (*line_steps(k, storage.root),
            ("slice", {"start": (offset,), "stop": (need,), "step": (1,)}), ("reshape", {"shape": size}))
    cell_of(self)
    place_on(self, storage, k, path, read_steps(k, storage.root, path))
    return self


@method
def resize_as_(self, the_template, *, memory_format=None):
    """Resized to another tensor's shape."""
    return resize_(self, tuple(the_template._a.shape))


__all__.append("resize_as_")


# Storage objects.

class UntypedStorage:
    """A tensor's memory as bytes; all tensors on one memory have equal storages.

    ``UntypedStorage(n)`` makes n bytes of zeros, ``UntypedStorage([...])`` bytes of those values.
    """

    __slots__ = ("_holder",)

    def __init__(self, *args, device=None):
        from .creation import tensor, zeros

        data = args[0] if args else 0
        size = data if isinstance(data, int) else None
        self._holder = zeros(size, dtype=dtypes.uint8, device=device) if size is not None else tensor(
            data, dtype=dtypes.uint8, device=device)

    @classmethod
    def of(cls, t) -> UntypedStorage:
        """The storage of a tensor."""
        self = object.__new__(cls)
        at = alias_of(t)
        self._holder = wrap(at.storage.root, t._k)
        self._holder._alias = Alias(at.storage, ())
        at.storage.add(self._holder)
        return self

    def line(self, dtype):
        """All of it as a 1-d tensor of a dtype; a last element that is not whole is left out."""
        holder = self._holder
        storage, k = alias_of(holder).storage, holder._k
        steps, _ = _line_as(k, storage.root, dtype)
        t = share(holder, read_steps(k, storage.root, steps))
        t._alias.path = steps
        return t

    @property
    def _cdata(self) -> int:
        return id(alias_of(self._holder).storage)

    @property
    def device(self):
        """Where the memory is."""
        return self._holder.device

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    def nbytes(self) -> int:
        """Its size in bytes."""
        root = alias_of(self._holder).storage.root
        return math.prod(root.shape) * self._holder._k.dtype_of(root).itemsize

    __len__ = size = nbytes

    def element_size(self) -> int:
        return 1

    def data_ptr(self) -> int:
        """The address of its first byte, or a number that tells memories apart."""
        return self._holder.data_ptr()

    def tolist(self) -> list:
        """The bytes as integers."""
        return self.line(dtypes.uint8).tolist()

    def __iter__(self):
        return iter(self.tolist())

    def __getitem__(self, index):
        if isinstance(index, slice):
            return UntypedStorage.of(self.line(dtypes.uint8)[index].clone())
        return self.line(dtypes.uint8)[index].item()

    def __setitem__(self, index, value):
        self.line(dtypes.uint8)[index] = value

    def fill_(self, value) -> UntypedStorage:
        """Writes one value into every byte."""
        self.line(dtypes.uint8).fill_(value)
        return self

    def copy_(self, source, non_blocking=None) -> UntypedStorage:
        """Writes another storage's bytes into this one."""
        self.line(dtypes.uint8).copy_(source.line(dtypes.uint8))
        return self

    def clone(self) -> UntypedStorage:
        """A copy in fresh memory."""
        return UntypedStorage.of(self.line(dtypes.uint8).clone())

    def cpu(self) -> UntypedStorage:
        """The storage, on the CPU."""
        return self if self.device.type == "cpu" else UntypedStorage.of(self.line(dtypes.uint8).cpu())

    def resize_(self, nbytes: int) -> UntypedStorage:
        """Another size in bytes; the tensors on it keep their places."""
        storage, k = alias_of(self._holder).storage, self._holder._k
        count = -(-nbytes // k.dtype_of(storage.root).itemsize)
        if count > math.prod(storage.root.shape):
            grow(storage, k, count)
        elif count < math.prod(storage.root.shape):
            line = read_steps(k, storage.root, line_steps(k, storage.root))
            storage.root = k.copy(k.slice(line, start=(0,), stop=(count,), step=(1,)))
        return self

    resize = resize_

    def __eq__(self, other):
        return isinstance(other, UntypedStorage) and self._cdata == other._cdata

    def __hash__(self):
        return self._cdata

    def __repr__(self):
        lines = "".join(f" {v}\n" for v in self.tolist())
        return f"{lines}[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"


class TypedStorage:
    """A tensor's memory as elements of its dtype."""

    __slots__ = ("_untyped_storage", "dtype")

    def __init__(self, *args, wrap_storage=None, dtype=None, device=None):
        from .creation import tensor, zeros

        self.dtype = dtype if dtype is not None else getattr(type(self), "_dtype", None) or dtypes.float32
        if wrap_storage is None:
            data = args[0] if args else 0
            t = zeros(data, dtype=self.dtype, device=device) if isinstance(data, int) else tensor(
                data, dtype=self.dtype, device=device)
            wrap_storage = UntypedStorage.of(t)
        self._untyped_storage = wrap_storage

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return self._untyped_storage

    def line(self, dtype=None):
        """All of it as a 1-d tensor."""
        return self._untyped_storage.line(dtype or self.dtype)

    @property
    def device(self):
        return self._untyped_storage.device

    @property
    def is_cuda(self) -> bool:
        return self._untyped_storage.is_cuda

    @property
    def _cdata(self) -> int:
        return self._untyped_storage._cdata

    def nbytes(self) -> int:
        """Its size in bytes."""
        return self._untyped_storage.nbytes()

    def size(self) -> int:
        """The number of elements."""
        return self.nbytes() // self.dtype.itemsize

    __len__ = size

    def element_size(self) -> int:
        return self.dtype.itemsize

    def data_ptr(self) -> int:
        return self._untyped_storage.data_ptr()

    def tolist(self) -> list:
        """The elements as numbers."""
        return self.line().tolist()

    def __iter__(self):
        return iter(self.tolist())

    def __getitem__(self, index):
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(index, int):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        return self.line()[index].item()

    def __setitem__(self, index, value):
        self.line()[index] = value

    def fill_(self, value) -> TypedStorage:
        """Writes one value into every element."""
        self.line().fill_(value)
        return self

    def copy_(self, source, non_blocking=None) -> TypedStorage:
        """Writes another storage's elements into this one."""
        self.line().copy_(source.line())
        return self

    def clone(self) -> TypedStorage:
        """A copy in fresh memory."""
        return TypedStorage(wrap_storage=self._untyped_storage.clone(), dtype=self.dtype)

    def resize_(self, size: int) -> TypedStorage:
        """Another number of elements."""
        self._untyped_storage.resize_(size * self.dtype.itemsize)
        return self

    def _to(self, dtype):
        return TypedStorage(wrap_storage=UntypedStorage.of(self.line().to(dtype)), dtype=dtype)

    def __eq__(self, other):
        return isinstance(other, TypedStorage) and self._cdata == other._cdata

    def __hash__(self):
        return self._cdata

    def __repr__(self):
        lines = "".join(f" {v}\n" for v in self.tolist())
        return (f"{lines}[torch.storage.TypedStorage(dtype={self.dtype!r}, device={self.device}) of size {self.size()}]")


for _name, _dtype in {"float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "long": dtypes.int64,
                      "int": dtypes.int32, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8,
                      "bool": dtypes.bool_, "bfloat16": dtypes.bfloat16}.items():
    setattr(TypedStorage, _name, lambda self, _dtype=_dtype: self._to(_dtype))


class _OfDtype(type):
    """Makes ``isinstance(storage, FloatStorage)`` ask for the dtype."""

    def __instancecheck__(cls, obj):
        return isinstance(obj, TypedStorage) and obj.dtype is cls._dtype


def _legacy_class(dtype):
    def new(cls, *args, **kwargs):
        return TypedStorage(*args, dtype=cls._dtype, **kwargs)

    name = f"{dtype.legacy}Storage"
    return _OfDtype(name, (), {"_dtype": dtype, "__new__": new, "__module__": "plugtorch",
                               "__doc__": f"A TypedStorage of {dtype.name}."})


for _dtype in (dtypes.float32, dtypes.float64, dtypes.float16, dtypes.bfloat16, dtypes.int64, dtypes.int32, dtypes.int16,
               dtypes.int8, dtypes.uint8, dtypes.bool_, dtypes.complex64, dtypes.complex128):
    _class = _legacy_class(_dtype)
    globals()[_class.__name__] = _class
    __all__.append(_class.__name__)


def is_storage(obj, /) -> bool:
    """Whether obj is a storage."""
    return isinstance(obj, (TypedStorage, UntypedStorage))


@method
def untyped_storage(self) -> UntypedStorage:
    """The memory under the tensor, as bytes."""
    return UntypedStorage.of(self)


@method
def storage(self) -> TypedStorage:
    """The memory under the tensor, as elements of its dtype."""
    return TypedStorage(wrap_storage=UntypedStorage.of(self), dtype=self.dtype)


@method
def storage_type(self):
    """The class of its storage."""
    return type(self.storage())


method(property(lambda self: id(self), doc="A number that identifies the tensor."), name="_cdata")
Tensor._typed_storage = Tensor.storage

