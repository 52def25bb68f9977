"""``torch.mps``: truthful answers about Apple's GPUs, where the active backend has one."""

from __future__ import annotations

from .. import random_functions as _random
from .. import state
from ..methods import exporter
from . import surface
from .streams import EventOf

__all__: list[str] = []
_export = exporter(__all__)
Event = _export(EventOf("mps"))


def _required(call):
    if not surface.present("mps"):
        raise RuntimeError(f"Cannot execute {call}() without MPS backend.")
    return surface.chosen("mps")


@_export
def is_available() -> bool:
    """Whether the active backend has such a device."""
    return bool(surface.present("mps"))


@_export
def device_count() -> int:
    """The number of such devices."""
    return len(surface.present("mps"))


@_export
def synchronize() -> None:
    """Waits until the backend has finished its work."""
    _required("deviceSynchronize")
    state.current_backend().synchronize()


@_export
def empty_cache() -> None:
    """Gives back what the library keeps for speed."""
    _required("emptyCache")
    state.current_backend().release()


@_export
def current_allocated_memory() -> int:
    """Bytes that arrays occupy."""
    return state.current_backend().memory_stats(_required("getCurrentAllocatedMemory")).get("allocated", 0)


@_export
def driver_allocated_memory() -> int:
    """Bytes that the library holds."""
    return state.current_backend().memory_stats(_required("getDriverAllocatedMemory")).get("reserved", 0)


@_export
def recommended_max_memory() -> int:
    """Bytes of memory that the device has."""
    return state.current_backend().memory_stats(_required("recommendedMaxMemory")).get("total", 0)


@_export
def set_per_process_memory_fraction(fraction) -> None:
    """Limits the memory of this process, where the library can."""
    _required("setMemoryFraction")
    surface.set_per_process_memory_fraction("mps", fraction)


@_export
def manual_seed(seed: int) -> None:
    """Seeds the one generator, if there is such a device."""
    surface.manual_seed("mps", seed)


@_export
def seed() -> None:
    """Seeds the one generator from the operating system, if there is such a device."""
    surface.seed("mps")


@_export
def get_rng_state(device="mps"):
    """The generator's state."""
    return _random.get_rng_state()


@_export
def set_rng_state(new_state, device="mps") -> None:
    """Puts the generator into a state."""
    _random.set_rng_state(new_state)


def _no_metal(name):
    def function(source):
        raise RuntimeError(f"torch.mps.{name} is not offered: backends bring kernels as op plugins (docs/backends.md), "
                           f"not as Metal sources")

    function.__name__, function.__doc__ = name, "Refused by every backend: kernels come as op plugins."
    return _export(function)


compile_shader, load_metallib = _no_metal("compile_shader"), _no_metal("load_metallib")
