"""The JAX backend: every op of the spec as one compiled kernel.

A call of a compiled function costs a third of what ``jax.numpy`` costs op by op, so each op is traced once per
combination of shapes, dtypes and parameters. JAX keeps the programs, and drops the oldest when there are many.
"""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np

from plugtorch.spec.abstract import is_number
from plugtorch.spec.device import CPU, Device
from plugtorch.spec.dtypes import INT
from plugtorch.spec.op import OPS

from .kernels import JaxKernels
from .program import compiled_program

# 64-bit types exist only under this switch, which is the process's: without it they would silently be 32-bit.
jax.config.update("jax_enable_x64", True)

RAW = JaxKernels()
DEVICE_TYPES = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda", "rocm": "cuda", "tpu": "tpu", "METAL": "mps"}


def _describe(native):
    kind = DEVICE_TYPES.get(native.platform, native.platform)
    return CPU if kind == "cpu" and native.id == 0 else Device(kind, native.id)


def traced(x):
    """Whether x stands for a value that is not known yet."""
    return isinstance(x, jax.core.Tracer)


class JaxBackend(JaxKernels):
    """Immutable arrays of XLA, on its CPU, GPU or TPU devices."""

    library_version = jax.__version__

    def __init__(self):
        super().__init__()
        self._natives, self._devices = {}, {}
        platforms = dict.fromkeys([jax.default_backend(), "cpu"])
        for platform in platforms:
            for native in jax.devices(platform):
                device = _describe(native)
                self._devices[native], self._natives[device] = device, native
        self._default = self._devices[jax.devices()[0]]
        for kind in {d.type for d in self._natives}:
            self._natives.setdefault(Device(kind), self._natives.get(Device(kind, 0)) or next(
                n for d, n in self._natives.items() if d.type == kind))

    # Devices and transfer.

    def default_device(self):
        return self._default

    def devices(self):
        return list(dict.fromkeys(self._devices.values()))

    def device_of(self, x):
        if traced(x):
            return self._default
        found = self._devices.get(x.device)
        return found if found is not None else self._devices[next(iter(x.devices()))]

    def _native_device(self, device):
        native = self._natives.get(device) if device is not None else self._natives[self._default]
        if native is None:
            raise RuntimeError(f"JAX has no device {device}; it has {', '.join(map(str, self.devices()))}")
        return native

    def _placed(self, x, device):
        if device is None or device == self._default or traced(x):
            return x
        return jax.device_put(x, self._native_device(device))

    def to_device(self, x, device):
        return jax.device_put(x, self._native_device(device))

    def from_host(self, array, *, device):
        # XLA may keep a host array's memory, which its owner may write to: so a copy.
        return jax.device_put(np.array(array), self._native_device(device))

    def to_host(self, x):
        if traced(x):
            raise RuntimeError("the values of a traced array are not known")
        return np.asarray(x)

    def address_of(self, x):
        if traced(x) or len(x.devices()) > 1:
            return None
        return x.block_until_ready().unsafe_buffer_pointer()

    def synchronize(self):
        for x in jax.live_arrays():
            x.block_until_ready()

    def release(self):
        jax.clear_caches()

    def compile_program(self, program):
        return compiled_program(RAW, program)

    def bounds(self, x):
        if traced(x):
            return None
        if x.device.platform == "cpu":  # the host reads its memory as it is
            values = np.asarray(x)
            return values.min().item(), values.max().item()
        return super().bounds(x)

    def device_properties(self, device):
        native = self._native_device(device)
        known = {"name": native.device_kind, "multi_processor_count": getattr(native, "core_count", 0) or 0}
        capability = getattr(native, "compute_capability", None)
        if capability:
            known["major"], known["minor"] = (int(n) for n in str(capability).split("."))
        total = (native.memory_stats() or {}).get("bytes_limit")
        return {**known, "total_memory": total} if total else known

    def memory_stats(self, device):
        found = self._native_device(device).memory_stats() or {}
        names = {"bytes_in_use": "allocated", "peak_bytes_in_use": "peak", "bytes_reserved": "reserved",
                 "bytes_limit": "total"}
        return {names[key]: value for key, value in found.items() if key in names}

    # Ops without array operands.

    def full(self, *, shape, value, dtype, device):
        if dtype.category == INT:
            value = RAW.full(shape=(), value=value, dtype=dtype, device=None) if abs(value) > 2**31 else int(value.real)
        return self._placed(_full(value, shape=tuple(shape), dtype=dtype), device)

    def arange(self, *, start, stop, step, dtype, device):
        return self._placed(_arange(start=start, stop=stop, step=step, dtype=dtype), device)

    # Ops that may return their operand, or look at values.

    def copy(self, x):
        return x

    def conj(self, x):
        return x if x.dtype.kind != "c" else _compiled["conj"](x)

    def cast(self, x, *, dtype):
        return x if self.native_dtypes[x.dtype] is dtype else _compiled["cast"](x, dtype=dtype)

    def reshape(self, x, *, shape):
        return x if x.shape == shape else _compiled["reshape"](x, shape=tuple(shape))

    # Where to read or write is an argument of the program, not a part of it: a loop over x[i] is compiled once.

    def select(self, x, *, axis, index):
        return _compiled["select"](x, axis=axis, index=index) if traced(x) else _select(x, index, axis=axis)

    def slice(self, x, *, start, stop, step):
        if traced(x) or not any(start) or any(n != 1 for n in step):
            return _compiled["slice"](x, start=tuple(start), stop=tuple(stop), step=tuple(step))
        sizes = tuple(max(b - a, 0) for a, b in zip(start, stop, strict=True))
        return _slice(x, np.array(start, np.int32 if x.size < 2**31 else np.int64), sizes=sizes)

    def slice_put(self, x, v, *, start, stop, step):
        if traced(x) or traced(v) or not any(start) or any(n != 1 for n in step) or not v.size:
            return _compiled["slice_put"](x, v, start=tuple(start), stop=tuple(stop), step=tuple(step))
        return _slice_put(x, v, np.array(start, np.int32 if x.size < 2**31 else np.int64))

    def nonzero(self, x, *, size=None):
        return RAW.nonzero(x) if size is None else _compiled["nonzero"](x, size=size)

    def pow(self, a, b):
        # Small exponents become multiplications, so a number is part of the program.
        return _power(a, exponent=b) if is_number(b) else _compiled["pow"](a, b)

    def _checked_divisor(self, a, b, name):
        if self.dtype_of(a if is_number(b) else b).category <= INT and not traced(b):
            if b == 0 if is_number(b) else not bool(jnp.all(b)):
                raise ZeroDivisionError(f"ZeroDivisionError: integer {name} by zero")

    def floor_divide(self, a, b):
        self._checked_divisor(a, b, "division")
        return _compiled["floor_divide"](a, b)

    def remainder(self, a, b):
        self._checked_divisor(a, b, "modulo")
        return _compiled["remainder"](a, b)

    def fmod(self, a, b):
        self._checked_divisor(a, b, "modulo")
        return _compiled["fmod"](a, b)


def _compile(name):
    return jax.jit(getattr(RAW, name), static_argnames=tuple(OPS[name].params))


_compiled = {op.name: _compile(op.name) for op in OPS.values()
             if op.operands and op.name not in ("from_host", "to_host")}
_power = jax.jit(lambda a, *, exponent: RAW.pow(a, exponent), static_argnames=("exponent",))
_arange = jax.jit(lambda *, start, stop, step, dtype: RAW.arange(start=start, stop=stop, step=step, dtype=dtype,
                                                                 device=None),
                  static_argnames=("start", "stop", "step", "dtype"))
_select = jax.jit(lambda x, index, *, axis: jax.lax.dynamic_index_in_dim(x, index, axis, keepdims=False),
                  static_argnames=("axis",))
_slice = jax.jit(lambda x, start, *, sizes: jax.lax.dynamic_slice(x, tuple(start), sizes), static_argnames=("sizes",))
_slice_put = jax.jit(lambda x, v, start: jax.lax.dynamic_update_slice(x, v, tuple(start)))
_full = jax.jit(lambda value, *, shape, dtype: jnp.full(shape, value, dtype.numpy), static_argnames=("shape", "dtype"))


def _method(name, call):
    signature = OPS[name].signature

    def kernel(self, *operands, **params):
        return call(*operands, **params)

    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    kernel.__signature__ = signature.replace(parameters=[first, *signature.parameters.values()])
    kernel.__name__ = name
    return kernel


for _name, _call in _compiled.items():
    if _name not in vars(JaxBackend):
        setattr(JaxBackend, _name, _method(_name, _call))
