"""DLPack: handing arrays to other libraries and taking theirs, without a copy where both sides can."""

from __future__ import annotations

import enum

from plugtorch.autograd.base import wrap

from . import state
from .dispatch import is_tensor
from .methods import method

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]


class DLDeviceType(enum.IntEnum):
    """Kinds of devices, numbered as in the DLPack header."""

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLOpenCL = 4
    kDLVulkan = 7
    kDLMetal = 8
    kDLVPI = 9
    kDLROCM = 10
    kDLROCMHost = 11
    kDLExtDev = 12
    kDLCUDAManaged = 13
    kDLOneAPI = 14


@method
def __dlpack_device__(self):
    """``(kind, index)`` of the device, in DLPack's numbers."""
    kind = DLDeviceType.kDLCUDA if self.device.type == "cuda" else DLDeviceType.kDLCPU
    return kind, self.device.index or 0


@method
def __dlpack__(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
    """A capsule with the array.

    Raises:
        BufferError: the tensor requires grad, or the library refuses.
    """
    if self._req:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    array = self._k.copy(self._a) if copy else self._a
    options = {} if self.device.type == "cpu" or stream == -1 else {"stream": stream}
    if max_version is not None:
        try:
            return array.__dlpack__(max_version=max_version, **options)
        except TypeError:  # a library from before versioned capsules
            return array.__dlpack__(**options)
    return array.__dlpack__(**options)


class _Capsule:
    """A bare capsule with the methods by which libraries take one."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, **kwargs):
        return self.capsule

    def __dlpack_device__(self):
        return DLDeviceType.kDLCPU, 0


def from_dlpack(ext_tensor, *, device=None, copy=None):
    """A tensor on another library's array, or on a capsule, sharing memory where the current backend's library can.

    Raises:
        RuntimeError: no array, and no capsule.
    """
    if is_tensor(ext_tensor) and device is None:
        return ext_tensor.clone() if copy else ext_tensor.detach()
    if not hasattr(ext_tensor, "__dlpack__"):
        if type(ext_tensor).__name__ != "PyCapsule":
            raise RuntimeError("from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only "
                               f"once (got {type(ext_tensor).__name__})")
        ext_tensor = _Capsule(ext_tensor)
    k = state.current_backend()
    t = wrap(k.from_dlpack(ext_tensor), k)
    if copy:
        t = t.clone()
    return t if device is None else t.to(device)


def to_dlpack(tensor):
    """A capsule with the tensor's array, which one library may take."""
    return tensor.__dlpack__()
