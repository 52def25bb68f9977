"""The CuPy backend: kernels of the op spec on CUDA arrays.

Most of it is the shared code, with CuPy as the namespace. Overridden is what CuPy lacks or spells differently.
"""

from __future__ import annotations

import cupy as cp
import cupyx
import numpy as np

from plugtorch.spec import Abstract, infer
from plugtorch.spec.abstract import is_number
from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import bfloat16
from plugtorch.spec.xp import XPBackend
from plugtorch.spec.xp.strided import StridedViews

from .program import compiled_program

# Types that CUDA adds atomically in CuPy's scattered sums; the others go by way of a wider one of these.
ATOMIC = {"float16": "float32", "int8": "int32", "int16": "int32", "uint8": "int32", "uint16": "int32", "bool": "int32"}
SCATTERS = {"add": "scatter_add", "max": "scatter_max", "min": "scatter_min"}


class CupyNumbers(XPBackend):
    """float16 is CUDA's own; sums are trees, but for cumulative ones."""

    native_half, running_sums = True, False


class CupyArrays(CupyNumbers, xp=cp):
    """What the shared kernels give on CuPy."""


class CupyBackend(StridedViews, CupyArrays):
    """CUDA arrays: mutable, with views that share memory. There is no bfloat16."""

    name = "cupy"
    aliases = True
    library_version = cp.__version__

    def __init__(self):
        super().__init__()
        self._count = cp.cuda.runtime.getDeviceCount()
        if not self._count:
            raise RuntimeError("CuPy finds no CUDA device")

    def compile_program(self, program):
        return compiled_program(self, program)

    # Devices and transfer.

    def default_device(self):
        return Device("cuda", 0)

    def devices(self):
        return [Device("cuda", i) for i in range(self._count)]

    def device_of(self, x):
        return Device("cuda", x.device.id)

    def address_of(self, x):
        return x.data.ptr

    def _on(self, device):
        """A context in which arrays are made on a device."""
        if device is None:
            return cp.cuda.Device(0)
        if device.type != "cuda":
            have = ", ".join(map(str, self.devices()))
            raise RuntimeError(f"backend 'cupy' has no device {device}; it has {have}")
        index = device.index or 0
        if index >= self._count:
            raise RuntimeError(f"CUDA error: invalid device ordinal: {device}; there are {self._count} devices")
        return cp.cuda.Device(index)

    def native(self, dtype):
        if dtype is bfloat16:
            raise TypeError("backend 'cupy' has no bfloat16; use float16 or float32, or the backend 'jax'")
        return dtype.numpy

    def to_device(self, x, device):
        with self._on(device):
            return cp.asarray(x)

    def from_host(self, array, *, device):
        if array.dtype.name == "bfloat16":
            self.native(bfloat16)
        with self._on(device):
            return cp.array(array)

    def to_host(self, x):
        return cp.asnumpy(x)

    def synchronize(self):
        for i in range(self._count):
            cp.cuda.Device(i).synchronize()

    def release(self):
        cp.get_default_memory_pool().free_all_blocks()
        cp.get_default_pinned_memory_pool().free_all_blocks()

    def device_properties(self, device):
        known = cp.cuda.runtime.getDeviceProperties(device.index or 0)
        name = known["name"]
        return {"name": name.decode() if isinstance(name, bytes) else name, "total_memory": known["totalGlobalMem"],
                "major": known["major"], "minor": known["minor"], "multi_processor_count": known["multiProcessorCount"]}

    def memory_stats(self, device):
        with self._on(device):
            pool = cp.get_default_memory_pool()
            free, total = cp.cuda.runtime.memGetInfo()
            return {"allocated": pool.used_bytes(), "reserved": pool.total_bytes(), "free": free, "total": total}

    def limit_memory(self, device, fraction):
        with self._on(device):
            cp.get_default_memory_pool().set_limit(fraction=fraction)
        return True

    def full(self, *, shape, value, dtype, device):
        with self._on(device):
            return super().full(shape=shape, value=value, dtype=dtype, device=device)

    def arange(self, *, start, stop, step, dtype, device):
        with self._on(device):
            return super().arange(start=start, stop=stop, step=step, dtype=dtype, device=device)

    # Mutable arrays.

    def update(self, name, target, *operands):
        ufunc = UPDATES.get(name)
        if ufunc is None or target.dtype.itemsize < 4:
            return False
        for o in operands:
            if isinstance(o, cp.ndarray):
                if o.dtype != target.dtype or (o.shape != target.shape and o.ndim):
                    return False
            elif not is_number(o) or target.dtype.kind in "iu":
                return False
        ufunc(target, *operands, out=target)
        return True

    def strides_of(self, x):
        return tuple(s // x.itemsize for s in x.strides)

    # Kernels.

    def erf(self, x):
        from cupyx.scipy.special import erf

        return erf(x)

    def matmul(self, a, b):
        if a.shape[-1] != b.shape[-2]:
            infer("matmul", Abstract(a.shape, self.dtype_of(a)), Abstract(b.shape, self.dtype_of(b)))
        return cp.matmul(a, b)

    def _sum_like(self, f, x, axis, keepdims):
        if not axis:
            return x.astype(cp.int64) if x.dtype.kind in "iub" else x.copy()
        return super()._sum_like(f, x, axis, keepdims)

    def _extreme(self, f, name, x, axis, keepdims):
        return super()._extreme(f, name, x, axis, keepdims) if axis else x.copy()

    def _running(self, f, x, axis):
        return super()._running(f, x.reshape(1), 0).reshape(()) if not x.ndim else super()._running(f, x, axis)

    def _stable_order(self, x, axis):
        # CuPy's own order is stable.
        return cp.argsort(x.astype(cp.uint8) if x.dtype.kind == "b" else x, axis=axis)

    def _combine(self, y, where, s, mode):
        if mode == "set":
            y[where] = s
        elif mode == "mul":
            # CUDA has no atomic product: duplicates are multiplied on the host.
            host = cp.asnumpy(y)
            np.multiply.at(host, tuple(cp.asnumpy(i) if isinstance(i, cp.ndarray) else i for i in where), cp.asnumpy(s))
            y[...] = cp.asarray(host)
        else:
            self._scatter(y, where, cp.asarray(s), mode)

    def _scatter(self, y, where, s, mode):
        if y.dtype.kind == "c" and mode == "add":
            for part in ("real", "imag"):
                total = cp.ascontiguousarray(getattr(y, part))
                cupyx.scatter_add(total, where, cp.ascontiguousarray(getattr(s, part)))
                setattr(y, part, total)
            return
        if y.dtype == cp.int64 and mode == "add":
            # Sums of two's complement numbers are those of their bits.
            cupyx.scatter_add(y.view(cp.uint64), where, s.view(cp.uint64))
            return
        scatter = getattr(cupyx, SCATTERS[mode])
        wide = ATOMIC.get(y.dtype.name)
        if wide is None:
            scatter(y, where, s)
            return
        total = y.astype(wide)
        scatter(total, where, s.astype(wide))
        y[...] = total != 0 if y.dtype.kind == "b" else total.astype(y.dtype)

    # Linear algebra. CuPy's solvers of single matrices run over the batch.

    def _checked(self, call, what):
        with cupyx.errstate(linalg="raise"):
            return super()._checked(call, what)

    def lu(self, a):
        from cupyx.scipy.linalg import lu_factor

        if a.shape[-1] != a.shape[-2] or not a.size:
            return super().lu(a)
        flat = a.reshape(-1, *a.shape[-2:])
        pairs = [lu_factor(one, check_finite=False) for one in flat]
        packed, pivots = (cp.stack([p[i] for p in pairs]) for i in (0, 1))
        return packed.reshape(a.shape), pivots.astype(cp.int32).reshape(*a.shape[:-2], a.shape[-1])

    def solve_triangular(self, a, b, *, upper, unit=False):
        from cupyx.scipy.linalg import solve_triangular

        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        shape = (*batch, *b.shape[-2:])
        if 0 in shape:
            return cp.empty(shape, b.dtype)
        a, b = (cp.broadcast_to(v, (*batch, *v.shape[-2:])).reshape(-1, *v.shape[-2:]) for v in (a, b))
        solved = [solve_triangular(m, v, lower=not upper, unit_diagonal=unit) for m, v in zip(a, b, strict=True)]
        return cp.stack(solved).reshape(shape)

    def eig(self, a):
        # General eigenvalues are computed on the host: not every supported CuPy has them.
        wide = self.native(self.dtype_of(a).to_complex())
        w, v = self._checked(lambda: np.linalg.eig(cp.asnumpy(a)), "eig")
        return cp.asarray(w.astype(wide)), cp.asarray(v.astype(wide))


UPDATES = {
    "add": cp.add, "sub": cp.subtract, "mul": cp.multiply, "div": cp.true_divide, "neg": cp.negative,
    "exp": cp.exp, "sqrt": cp.sqrt, "maximum": cp.maximum, "minimum": cp.minimum, "abs": cp.absolute,
}
