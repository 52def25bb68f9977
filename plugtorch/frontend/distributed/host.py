"""Tensors as flat host arrays that the network can read and fill."""

from __future__ import annotations

import numpy as np

from plugtorch.autograd.aliasing import overwrite
from plugtorch.autograd.record import count_version
from plugtorch.frontend.layouts import strided
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec import dtypes

# What Gloo transfers.
_TRANSFERRED = frozenset({
    dtypes.bool_, dtypes.uint8, dtypes.int8, dtypes.int32, dtypes.int64, dtypes.float16, dtypes.bfloat16, dtypes.float32,
    dtypes.float64, dtypes.complex64, dtypes.complex128,
})


def check_tensor(value, name: str) -> None:
    """Raises unless an argument is a tensor.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"Invalid function argument. Expected parameter `{name}` of type torch.Tensor\n"
                        f"             but got {type(value)} instead.")


def check_tensors(values, name: str) -> None:
    """Raises unless an argument is a list of tensors.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"Invalid function argument. Expected parameter `{name}` of type List[torch.Tensor]\n"
                        f"             but got {type(values)} instead.")
    for value in values:
        if not isinstance(value, Tensor):
            raise TypeError(f"Invalid function argument. Expected parameter `{name}` of type List[torch.Tensor]\n"
                            f"             but got {type(values)} with elements of type {type(value)}.")


def check_transferable(t) -> None:
    """Raises if a tensor's memory cannot be sent.

    Raises:
        RuntimeError: its dtype is none of those that Gloo transfers, or it is sparse.
    """
    if t.layout is not strided:
        raise RuntimeError(f"collectives take strided tensors, got layout {t.layout}; use to_dense() first")
    if t.dtype not in _TRANSFERRED:
        raise RuntimeError(f"Invalid scalar type: tensors of {t.dtype} cannot be transferred; convert them to another dtype "
                           "first")


def read(t) -> np.ndarray:
    """The elements of a tensor in order, flat; they may share its memory and must not be written."""
    return np.ascontiguousarray(t._k.to_host(t._a)).reshape(-1)


def _own_memory(t):
    """The flat memory of a tensor whose array is NumPy's own and in order, else None."""
    array = t._a
    if type(array) is np.ndarray and t._k.aliases and array.flags.c_contiguous and array.flags.writeable and (
            t._alias is None or not t._alias.spread):
        return array.reshape(-1)
    return None


class Target:
    """A flat array that becomes a tensor's contents: the tensor's memory itself where that is possible.

    Args:
        keep: whether the array starts with the tensor's elements.
    """

    def __init__(self, t: Tensor, keep: bool = False) -> None:
        check_transferable(t)
        self._t = t
        self.array = _own_memory(t)
        self._direct = self.array is not None
        if not self._direct:
            self.array = read(t).copy() if keep else np.empty(t.numel(), t.dtype.numpy)

    def done(self) -> None:
        """Gives the tensor the array's elements; counted as a write, not recorded."""
        if self._direct:
            count_version(self._t)
        else:
            write(self._t, self.array)


def write(t: Tensor, array: np.ndarray) -> None:
    """Gives a tensor the elements of a flat array; counted as a write, not recorded."""
    k = t._k
    overwrite(t, k.from_host(np.asarray(array.reshape(tuple(t._a.shape))), device=t.device))
