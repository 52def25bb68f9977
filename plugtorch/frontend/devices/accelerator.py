"""``torch.accelerator``: whatever accelerator the active backend has."""

from __future__ import annotations

from plugtorch.spec.device import Device

from .. import state
from ..methods import exporter
from . import surface

__all__: list[str] = []
_export = exporter(__all__)


def _kind():
    """The kind of the backend's first device that is not the host, or None."""
    return next((d.type for d in state.current_backend().devices() if d.type not in ("cpu", "meta")), None)


def _required():
    kind = _kind()
    if kind is None:
        raise RuntimeError(f"Cannot access accelerator device when none is available: backend {state.get_backend()!r} "
                           f"has the host alone.")
    return kind


@_export
def is_available() -> bool:
    """Whether the active backend has an accelerator."""
    return _kind() is not None


@_export
def current_accelerator(check_available: bool = False):
    """The kind of accelerator as a device without number, or None."""
    kind = _kind()
    return None if kind is None else Device(kind)


@_export
def device_count() -> int:
    """How many accelerators the active backend has."""
    kind = _kind()
    return 0 if kind is None else surface.device_count(kind)


def _define(name, function=None):
    function = function or getattr(surface, name)

    def bound(*args, **kwargs):
        return function(_required(), *args, **kwargs)

    bound.__name__ = bound.__qualname__ = name
    bound.__doc__ = (function.__doc__ or "") + "\n\nRaises:\n    RuntimeError: the active backend has no accelerator."
    globals()[name] = _export(bound)


for _name in ("current_stream", "empty_cache", "get_device_capability", "max_memory_allocated", "max_memory_reserved",
              "memory_allocated", "memory_reserved", "memory_stats", "reset_accumulated_memory_stats",
              "reset_peak_memory_stats", "set_stream", "synchronize"):
    _define(_name)
for _name, _function in (("current_device_index", surface.current_device), ("current_device_idx", surface.current_device),
                         ("set_device_index", surface.set_device), ("set_device_idx", surface.set_device),
                         ("get_memory_info", surface.mem_get_info)):
    _define(_name, _function)


@_export
def empty_host_cache() -> None:
    """Gives back pinned host memory that the library keeps."""
    _required()
    state.current_backend().release()


@_export
class device_index:  # noqa: N801
    """Context manager: new tensors are made on the accelerator of this number; None changes nothing."""

    def __init__(self, device):
        self.idx = device

    def __enter__(self):
        self._before = state.default_device_setting()
        if self.idx is not None:
            surface.set_device(_required(), self.idx)

    def __exit__(self, *exc):
        state.put_back_default_device(self._before)
        return False
