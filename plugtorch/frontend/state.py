"""Process-wide and per-context settings: the default dtype and the backend that makes new tensors."""

from __future__ import annotations

from contextvars import ContextVar

from plugtorch.spec import dtypes
from plugtorch.spec.device import DEFAULT, Device
from plugtorch.spec.dtypes import DType
from plugtorch.spec.registry import BackendUnavailable, backend_names, describe, load_backend
from plugtorch.transforms.tracing.recorder import RECORDER

_default_dtype = dtypes.float32
_default_backend = "numpy"
_default_lazy = False
_context_backend: ContextVar = ContextVar("plugtorch_backend", default=None)


def get_default_dtype() -> DType:
    """The floating dtype of ``tensor(1.0)`` and of what integers become in a division."""
    return _default_dtype


def set_default_dtype(d: DType) -> None:
    """Sets the default floating dtype.

    Raises:
        TypeError: ``d`` is no floating dtype.
    """
    global _default_dtype
    if not isinstance(d, DType) or not d.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    _default_dtype = d


def current_backend():
    """The backend object that makes new tensors in this context."""
    k = _context_backend.get()
    if k is not None:
        return k
    return lazy_of(load_backend(_default_backend)) if _default_lazy else load_backend(_default_backend)


def lazy_of(k):
    """The lazy form of a backend; see :func:`set_backend`."""
    from plugtorch.transforms.lazy import lazy_backend

    return k if k.lazy else lazy_backend(k)


def backend_named(name: str):
    """The backend object of a name; while a call is recorded, what stands for the recorded one."""
    recorder = RECORDER.get()
    if recorder is not None and name == recorder.base.name:
        return recorder.tracer
    current = _context_backend.get()
    if current is None:
        return lazy_of(load_backend(name)) if _default_lazy and name == _default_backend else load_backend(name)
    return current if current.lazy and current.name == name else load_backend(name)


def get_backend() -> str:
    """The name of the backend that makes new tensors in this context."""
    k = _context_backend.get()
    return _default_backend if k is None else k.name


def set_backend(name: str, lazy: bool = False) -> None:
    """Chooses, for the whole process, the backend on which new tensors are made. Old tensors stay valid on theirs.
    Inside ``with backend(...)`` it changes that block's backend.

    Args:
        lazy: ops are noted and run as one compiled program where a value is needed: when it is read, and at the end of an
            optimizer's step. For backends with immutable arrays (JAX); a training loop with steps that are alike runs
            fused, at the cost of compiling each new shape or sequence of ops.

    Raises:
        BackendUnavailable: there is no such backend, or it cannot be loaded; the message says what to install.
        RuntimeError: it has no lazy form.
    """
    global _default_backend, _default_lazy
    k = backend_named(name)
    if lazy:
        k = lazy_of(k)
    elif k.lazy:
        k = load_backend(name)
    if _context_backend.get() is not None:
        _context_backend.set(k)
    else:
        _default_backend, _default_lazy = name, lazy


class backend:  # noqa: N801
    """``with backend("jax"):`` makes new tensors on that backend inside the block, in this context only."""

    def __init__(self, name: str, lazy: bool = False):
        self._k = lazy_of(load_backend(name)) if lazy else backend_named(name)

    def __enter__(self):
        self._token = _context_backend.set(self._k)
        return self._k.name

    def __exit__(self, *exc):
        _context_backend.reset(self._token)


def available_backends() -> list[str]:
    """Names of the installed backends whose array library is importable here."""
    names = []
    for name in backend_names():
        offer, _, cause = describe(name)
        if offer is not None and not offer.missing() and cause is None:
            names.append(name)
    return names


def resolve_device(device):
    """``(backend, device)`` for a ``device=`` argument: the current backend, or the host one for ``cpu`` where the
    current backend has no CPU.

    Raises:
        RuntimeError: neither has such a device.
    """
    k = current_backend()
    if device is None:
        chosen = DEFAULT.get()
        if not chosen:
            return k, k.default_device()
        device = chosen[-1]
    device = Device(device)
    return backend_with(k, device), device


def current_device() -> Device:
    """The device on which this context makes new tensors."""
    chosen = DEFAULT.get()
    return chosen[-1] if chosen else current_backend().default_device()


def get_default_device() -> Device:
    """The device on which this context makes new tensors."""
    device = current_device()
    return device if device.index is not None or device.type in ("cpu", "meta") else Device(device.type, 0)


def set_default_device(device) -> None:
    """Chooses the device on which this context makes new tensors; None is the backend's own choice.

    Raises:
        RuntimeError: the active backend has no such device.
    """
    if device is None:
        DEFAULT.set(())
        return
    device = Device(device)
    backend_with(current_backend(), device)
    DEFAULT.set((device, *DEFAULT.get()[1:]))


def set_current_device(device: Device) -> None:
    """Makes one device of several the one on which new tensors are made, in the innermost block."""
    DEFAULT.set((*DEFAULT.get()[:-1], device))


def default_device_setting():
    """What :func:`put_back_default_device` restores."""
    return DEFAULT.get()


def put_back_default_device(setting) -> None:
    """Restores the devices on which new tensors are made."""
    DEFAULT.set(setting)


def backend_with(k, device: Device):
    """``k`` if it has the device, else the host backend for ``cpu``."""
    kinds = {d.type for d in k.devices()}
    if device.type in kinds:
        count = sum(d.type == device.type for d in k.devices())
        if device.index is not None and device.index >= count:
            raise RuntimeError(f"device {device} does not exist: backend {k.name!r} has {count} of type {device.type}")
        return k
    if device.type in ("cpu", "meta"):
        return backend_named("numpy" if device.type == "cpu" else "meta")
    if device.type == "cuda":
        raise RuntimeError(
            f"Torch not compiled with CUDA enabled: backend {k.name!r} has no CUDA device. "
            "Choose one that has: set_backend('cupy'), or 'jax' with its CUDA plugin"
        )
    raise RuntimeError(f"backend {k.name!r} has no device of type {device.type!r}; it has {sorted(kinds)}")


__all__ = ["BackendUnavailable", "available_backends", "backend", "current_backend", "get_backend",
           "get_default_device", "get_default_dtype", "set_backend", "set_default_device", "set_default_dtype"]
