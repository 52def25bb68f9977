"""The memory that tensors lie in, on its way into a file and out of it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from plugtorch.autograd.aliasing import read_steps, share
from plugtorch.autograd.base import wrap
from plugtorch.frontend import state
from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import DType, int64


def contiguous_strides(shape) -> tuple[int, ...]:
    """Strides in elements of an array in C order."""
    strides, n = [], 1
    for size in reversed(shape):
        strides.insert(0, n)
        n *= max(size, 1)
    return tuple(strides)


# Into a file.

@dataclasses.dataclass
class Placed:
    """A tensor's place in a storage that is to be saved.

    Attributes:
        key: identifies the storage.
        memory: all of it, a 1-d host array of the tensor's dtype.
        offset, strides: where the tensor lies, in elements.
    """

    key: object
    memory: np.ndarray
    offset: int
    strides: tuple[int, ...]


def place(t) -> Placed:
    """Where a tensor lies. Tensors on the same memory have equal keys, as long as they share their dtype."""
    k, dtype = t._k, t.dtype
    array = np.asarray(k.to_host(t._a))
    placed = None
    if t._alias is not None:
        placed = _in_host_memory(array, dtype) if k.aliases and array is t._a else _on_root(t, array)
    return placed if placed is not None else _alone(t, array)


def _alone(t, array):
    """A tensor by itself: its elements in the order in which they lie, without gaps."""
    axes = sorted(range(array.ndim), key=lambda i: -array.strides[i])
    packed = np.ascontiguousarray(array.transpose(axes)) if array.ndim else np.ascontiguousarray(array).reshape(())
    strides = [0] * array.ndim
    for axis, stride in zip(axes, contiguous_strides(packed.shape), strict=True):
        strides[axis] = stride
    return Placed(t, packed.reshape(-1), 0, tuple(strides))


def _in_host_memory(array, dtype):
    root = array
    while root.base is not None:
        # A view by strides has a holder of the array as its base.
        base = root.base if isinstance(root.base, np.ndarray) else getattr(root.base, "base", None)
        if not isinstance(base, np.ndarray):
            break
        root = base
    size = array.itemsize
    start = root.__array_interface__["data"][0]
    first = array.__array_interface__["data"][0] - start
    if not (root.flags.c_contiguous or root.flags.f_contiguous) or first % size or root.nbytes % size \
            or any(s % size or s < 0 for s in array.strides) or not array.size:
        return None
    memory = root.reshape(-1, order="A").view(np.uint8).view(array.dtype)
    return Placed((start, root.nbytes, dtype), memory, first // size, tuple(s // size for s in array.strides))


def _on_root(t, array):
    """The place of an alias where arrays cannot be written: its steps are run on positions."""
    k, storage, path = t._k, t._alias.storage, t._alias.path
    root = np.asarray(k.to_host(storage.root))
    if not path:
        return Placed((id(storage), t.dtype), root.reshape(-1), 0, contiguous_strides(root.shape))
    if root.dtype != array.dtype or not array.size or any(name in ("real", "imag", "bitcast") for name, _ in path):
        return None
    positions = k.reshape(
        k.arange(start=0, stop=root.size, step=1, dtype=int64, device=k.device_of(storage.root)), shape=root.shape)
    positions = np.asarray(k.to_host(read_steps(k, positions, path)))
    offset = int(positions[(0,) * positions.ndim])
    strides = []
    for axis, plain in enumerate(contiguous_strides(array.shape)):
        second = tuple(int(i == axis) for i in range(array.ndim))
        strides.append(int(positions[second]) - offset if array.shape[axis] > 1 else plain)
    lines = np.indices(array.shape, sparse=True)
    regular = offset + sum((line * s for line, s in zip(lines, strides, strict=True)), np.int64(0))
    if min(strides, default=0) < 0 or not np.array_equal(np.broadcast_to(regular, positions.shape), positions):
        return None
    return Placed((id(storage), t.dtype), root.reshape(-1), offset, tuple(strides))


# Out of a file.

# A tensor whose strides repeat elements may take this much more memory than its storage, where it cannot be a view.
_MOST_REPEATED = 1 << 28


def check_repeated(shape, dtype: DType, nbytes: int) -> None:
    """Refuses a tensor that repeats elements of its storage so often that copying it could fill any memory.

    Raises:
        RuntimeError: it does.
    """
    needed = math.prod(shape) * dtype.itemsize
    if needed > nbytes + _MOST_REPEATED:
        raise RuntimeError(
            f"a tensor of shape {tuple(shape)} repeats elements of a storage of {nbytes} bytes and would take {needed} "
            "bytes as a copy, which this backend or form of tensor needs. Save a contiguous tensor, or load the file with "
            "the numpy backend; a file from elsewhere may be malformed")


def check_inside(shape, strides, offset: int, dtype: DType, nbytes: int) -> None:
    """Refuses a tensor that does not lie within a storage.

    Raises:
        RuntimeError: it does not.
    """
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if offset < 0 or min((*shape, *strides), default=0) < 0 or (0 not in shape and last >= nbytes // dtype.itemsize):
        raise RuntimeError(
            f"setStorage: sizes {list(shape)}, strides {list(strides)}, storage offset {offset}, and itemsize "
            f"{dtype.itemsize} are out of bounds for storage of size {nbytes}")


class UntypedStorage:
    """A storage of a file as a ``map_location`` function sees it: bytes, and where they are to go.

    Attributes:
        device: where its tensors will be made.
    """

    def __init__(self, data, device: Device, byteswap: bool = False):
        self.data = data
        self.device = device
        self.byteswap = byteswap
        self._bases = {}
        self._tensors = []

    def nbytes(self) -> int:
        """Its size."""
        return len(self.data)

    __len__ = nbytes
    size = nbytes

    def cpu(self) -> UntypedStorage:
        """The storage, to be made on the CPU."""
        self.device = Device("cpu")
        return self

    def cuda(self, device=None, non_blocking=False) -> UntypedStorage:
        """The storage, to be made on a CUDA device."""
        self.device = Device("cuda" if device is None else Device(device))
        return self

    def to(self, *, device, non_blocking=False) -> UntypedStorage:
        """The storage, to be made on a device."""
        self.device = Device(device)
        return self

    def _base(self, dtype: DType):
        """The whole memory as a 1-d tensor of a dtype; one for all tensors of that dtype."""
        if dtype not in self._bases:
            array = np.frombuffer(self.data, np.uint8) if isinstance(self.data, bytearray) else self.data
            array = array[:array.size - array.size % dtype.itemsize].view(dtype.numpy)
            if self.byteswap and dtype.itemsize > 1:
                array = array.byteswap()
            k = state.backend_with(state.current_backend(), self.device)
            self._bases[dtype] = wrap(k.adopt(array, device=self.device), k)
        return self._bases[dtype]

    def tensor(self, dtype: DType, offset: int, shape: tuple, strides: tuple):
        """A tensor on this memory.

        Raises:
            RuntimeError: it does not fit into it.
        """
        check_inside(shape, strides, offset, dtype, self.nbytes())
        count = self.nbytes() // dtype.itemsize
        base = self._base(dtype)
        k = base._k
        if not k.aliases:
            check_repeated(shape, dtype, self.nbytes())
        whole = offset == 0 and math.prod(shape) == count and strides == contiguous_strides(shape)
        if whole:
            step = ("reshape", {"shape": shape})
        else:
            if 0 in shape:
                strides = contiguous_strides(shape)
            step = ("as_strided", {"shape": shape, "strides": strides, "offset": offset if 0 not in shape else 0})
        t = share(base, getattr(k, step[0])(base._a, **step[1]), step, cell=False)
        self._tensors.append((t, whole))
        return t

    def settle(self) -> None:
        """After loading: a tensor that has the memory to itself need not know of others."""
        if len(self._tensors) == 1 and self._tensors[0][1]:
            self._tensors[0][0]._alias = None
        self._tensors, self._bases = [], {}
