"""The backend: what PyTorch's arrays are, and how they travel. The kernels are in the modules beside this one."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import torch

from plugtorch.spec import Backend
from plugtorch.spec.device import CPU, Device
from plugtorch.spec.dtypes import BY_NAME, INT, bool_, int64
from plugtorch.spec.xp.base import wrap_integer

from .arrays import Indexing, Reductions, Shapes
from .elementwise import Elementwise, is_number
from .layers import Layers
from .linalg import Linalg

NATIVE = {dtype: getattr(torch, name) for name, dtype in BY_NAME.items()}
SPEC = {native: dtype for dtype, native in NATIVE.items()}
BF16 = np.dtype(ml_dtypes.bfloat16)
# Ops whose PyTorch method with a trailing underscore writes into its first operand.
IN_PLACE = {"add": "add_", "sub": "sub_", "mul": "mul_", "div": "div_", "neg": "neg_", "exp": "exp_", "sqrt": "sqrt_",
            "abs": "abs_"}


class TorchBackend(Layers, Linalg, Indexing, Shapes, Reductions, Elementwise, Backend):
    """Mutable arrays with views that share memory, on the CPU and on every CUDA and MPS device there is."""

    name = "torch"
    aliases = True
    library_version = torch.__version__

    def __init__(self):
        super().__init__()
        self._devices = {torch.device("cpu"): CPU}
        for i in range(torch.cuda.device_count()):
            self._devices[torch.device("cuda", i)] = Device("cuda", i)
        if torch.backends.mps.is_available():
            self._devices[torch.device("mps", 0)] = Device("mps", 0)

    # Arrays.

    def spec_dtype(self, native):
        return SPEC[native]

    def dtype_of(self, x):
        return SPEC[x.dtype]

    def device_of(self, x):
        return self._devices[x.device]

    def devices(self):
        return list(self._devices.values())

    def _native_device(self, device):
        if device is None or device.type == "cpu":
            return torch.device("cpu")
        native = torch.device(device.type, device.index or 0)
        if native not in self._devices:
            raise RuntimeError(f"PyTorch has no device {device} here; it has {', '.join(map(str, self.devices()))}")
        return native

    def to_device(self, x, device):
        return x.to(self._native_device(device))

    def synchronize(self):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if torch.backends.mps.is_available():
            torch.mps.synchronize()

    def release(self):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def strides_of(self, x):
        return x.stride()

    def owns(self, x):
        return not x._is_view()

    def address_of(self, x):
        return x.data_ptr()

    # To and from the host.

    def from_host(self, array, *, device):
        return self._wrapped(np.array(array, order="C")).to(self._native_device(device))

    def adopt(self, array, *, device):
        if not array.flags.writeable or any(s < 0 for s in array.strides):
            return self.from_host(array, device=device)
        return self._wrapped(array).to(self._native_device(device))

    def share(self, array):
        return self._wrapped(array) if array.flags.writeable else None

    @staticmethod
    def _wrapped(array):
        """A tensor on a host array's memory."""
        if array.dtype == BF16:
            return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
        return torch.from_numpy(array)

    def from_dlpack(self, source):
        return torch.from_dlpack(source)

    def to_host(self, x):
        x = x.cpu()
        return x.view(torch.int16).numpy().view(BF16) if x.dtype is torch.bfloat16 else x.numpy()

    # Making and converting arrays.

    def full(self, *, shape, value, dtype, device):
        native, where = NATIVE[dtype], self._native_device(device)
        if dtype.category == INT:
            value = wrap_integer(int(value.real if isinstance(value, complex) else value), dtype)
            if value > np.iinfo(np.int64).max:  # beyond what PyTorch takes as a number
                return self.from_host(np.full(shape, value, dtype.numpy), device=device)
        return torch.full(tuple(shape), value, dtype=native, device=where)

    def arange(self, *, start, stop, step, dtype, device):
        count = max(0, math.ceil((stop - start) / step))
        whole = dtype.category == INT and isinstance(start, int) and isinstance(step, int)
        line = torch.arange(count, dtype=torch.int64 if whole else torch.float64, device=self._native_device(device))
        return self.cast(line * step + start, dtype=dtype)

    def cast(self, x, *, dtype):
        native = NATIVE[dtype]
        if x.dtype is native:
            return x
        if x.is_complex() and not dtype.is_complex and dtype is not bool_:
            x = x.real
        if dtype.category == INT and x.is_floating_point() and dtype is not int64:
            x = x.to(torch.int64)  # wraps to the width
        return x.to(native, copy=True)

    def bitcast(self, x, *, dtype):
        native = NATIVE[dtype]
        return x.view(native) if x.dtype.itemsize == native.itemsize or x.is_contiguous() else x.contiguous().view(native)

    def copy(self, x):
        return x.clone(memory_format=torch.contiguous_format)

    # Writing into arrays.

    def assign(self, target, value):
        if is_number(value):
            dtype = SPEC[target.dtype]
            target.fill_(wrap_integer(int(value.real), dtype) if dtype.category == INT else value)
        else:
            target.copy_(value if value.dtype is target.dtype else self.cast(value, dtype=SPEC[target.dtype]))

    def update(self, name, target, *operands):
        method = IN_PLACE.get(name)
        if method is None or not target.dtype.is_floating_point:
            return False
        for o in operands:
            if not is_number(o) and (o.dtype is not target.dtype or (o.shape != target.shape and o.ndim)):
                return False
        getattr(target, method)(*operands)
        return True

    def accumulate(self, into, x):
        return into.add_(x)
