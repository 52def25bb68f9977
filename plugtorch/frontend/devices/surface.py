"""What ``torch.cuda``, ``torch.xpu``, ``torch.mtia`` and the like have in common: truthful answers about one kind of device
of the active backend.

A module of that kind is made by :func:`define`, which puts a function for each name into it. Where the backend has no such
device, questions of number are answered with 0 and everything else raises PyTorch's error.
"""

from __future__ import annotations

import functools

from plugtorch.spec.device import Device

from .. import random_functions as _random
from .. import state
from .streams import EventOf, StreamContext, StreamOf

_NAMES = {"cuda": "CUDA", "xpu": "XPU", "mtia": "MTIA", "mps": "MPS"}


def present(kind) -> list[Device]:
    """The devices of a kind that the active backend has."""
    return [d for d in state.current_backend().devices() if d.type == kind]


def required(kind) -> list[Device]:
    """The same, at least one.

    Raises:
        AssertionError: there is none (PyTorch's type for it).
    """
    devices = present(kind)
    if not devices:
        raise AssertionError(f"Torch not compiled with {_NAMES.get(kind, kind)} enabled: backend {state.get_backend()!r} "
                             f"has no {kind} device")
    return devices


def chosen(kind, device=None) -> Device:
    """A device by number, name, tensor or None for the current one.

    Raises:
        AssertionError: there is none of the kind.
        ValueError: it is of another kind.
        RuntimeError: there is none of that number.
    """
    devices = required(kind)
    if device is None:
        return devices[current_index(kind)]
    wanted = Device(kind, device) if isinstance(device, int) and device >= 0 else (
        devices[current_index(kind)] if isinstance(device, int) else Device(device))
    if wanted.type != kind:
        raise ValueError(f"Expected a {kind} device, but got: {wanted}")
    index = current_index(kind) if wanted.index is None else wanted.index
    if index >= len(devices):
        raise RuntimeError(f"CUDA error: invalid device ordinal: there are {len(devices)} {kind} devices, and number "
                           f"{index} "
                           "was asked for")
    return devices[index]


def current_index(kind) -> int:
    """The number of the device on which new tensors of the kind are made."""
    default = state.current_device()
    return (default.index or 0) if default.type == kind else 0


def is_available(kind) -> bool:
    """Whether the active backend has a device of this kind."""
    return bool(present(kind))


def device_count(kind) -> int:
    """The number of devices of this kind that the active backend has."""
    return len(present(kind))


def is_initialized(kind) -> bool:
    """Whether the devices are in use: they are as soon as there is one."""
    return is_available(kind)


def init(kind) -> None:
    """Makes sure that there is a device; nothing else is to be done."""
    required(kind)


def current_device(kind) -> int:
    """The number of the device on which new tensors are made."""
    required(kind)
    return current_index(kind)


def set_device(kind, device) -> None:
    """Chooses the device on which this context makes new tensors; a negative number changes nothing."""
    if isinstance(device, int) and device < 0:
        return
    state.set_current_device(chosen(kind, device))


def get_device_properties(kind, device=None):
    """Name, memory in bytes and the like, as attributes."""
    return DeviceProperties(chosen(kind, device))


def get_device_name(kind, device=None) -> str:
    """The device's name."""
    return get_device_properties(kind, device).name


def get_device_capability(kind, device=None) -> tuple[int, int]:
    """Major and minor of the compute capability."""
    found = get_device_properties(kind, device)
    return found.major, found.minor


def synchronize(kind, device=None) -> None:
    """Waits until the backend has finished its work."""
    chosen(kind, device)
    state.current_backend().synchronize()


def empty_cache(kind) -> None:
    """Gives back the memory and the programs that the active backend's library keeps for speed."""
    if present(kind):
        state.current_backend().release()


def can_device_access_peer(kind, device, peer_device) -> bool:
    """Whether a device reads another's memory directly; copies between devices are the library's matter here."""
    chosen(kind, device)
    chosen(kind, peer_device)
    return False


def is_bf16_supported(kind, including_emulation=True) -> bool:
    """Whether the active backend has a device of this kind and computes in bfloat16."""
    return bool(present(kind)) and "bfloat16" not in getattr(state.current_backend(), "lacking_dtypes", ())


def is_current_stream_capturing(kind) -> bool:
    """Whether a graph is being captured; it never is."""
    return False


def get_arch_list(kind) -> list[str]:
    """Architectures that kernels were built for: none, the array library builds them."""
    return []


def get_gencode_flags(kind) -> str:
    """The compiler's flags for :func:`get_arch_list`."""
    return ""


def ipc_collect(kind) -> None:
    """Frees memory shared with other processes; none is."""
    required(kind)


# Memory, in bytes.

def memory_stats(kind, device=None) -> dict:
    """What the backend knows about a device's memory, under PyTorch's names; empty where there is no such device."""
    if not present(kind):
        return {}
    found = state.current_backend().memory_stats(chosen(kind, device))
    names = {"allocated": "allocated_bytes.all.current", "peak": "allocated_bytes.all.peak",
             "reserved": "reserved_bytes.all.current", "peak_reserved": "reserved_bytes.all.peak"}
    return {names[key]: value for key, value in found.items() if key in names}


def memory_stats_as_nested_dict(kind, device=None) -> dict:
    """:func:`memory_stats` with a level of dicts per point in a name."""
    nested: dict = {}
    for name, value in memory_stats(kind, device).items():
        *path, last = name.split(".")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return nested


def memory_allocated(kind, device=None) -> int:
    """Bytes that arrays occupy."""
    return memory_stats(kind, device).get("allocated_bytes.all.current", 0)


def max_memory_allocated(kind, device=None) -> int:
    """The most bytes that arrays occupied, where the library counts them; else what they occupy now."""
    stats = memory_stats(kind, device)
    return stats.get("allocated_bytes.all.peak", stats.get("allocated_bytes.all.current", 0))


def memory_reserved(kind, device=None) -> int:
    """Bytes that the library holds, free ones included."""
    stats = memory_stats(kind, device)
    return stats.get("reserved_bytes.all.current", stats.get("allocated_bytes.all.current", 0))


def max_memory_reserved(kind, device=None) -> int:
    """The most bytes that the library held, where it counts them; else what it holds now."""
    return memory_stats(kind, device).get("reserved_bytes.all.peak", memory_reserved(kind, device))


def reset_peak_memory_stats(kind, device=None) -> None:
    """Begins the counting of the most bytes anew, where the library can."""
    if present(kind):
        state.current_backend().reset_peak_memory(chosen(kind, device))


def reset_accumulated_memory_stats(kind, device=None) -> None:
    """Begins sums over time anew; none are kept."""


def mem_get_info(kind, device=None) -> tuple[int, int]:
    """Free and total bytes of a device."""
    found = state.current_backend().memory_stats(chosen(kind, device))
    total = found.get("total", 0)
    return found.get("free", max(total - found.get("allocated", 0), 0)), total


def memory_snapshot(kind) -> list:
    """Blocks of the library's allocator, which it does not tell: an empty list."""
    return []


def memory_summary(kind, device=None, abbreviated=False) -> str:
    """A table of :func:`memory_stats`."""
    title = f"memory of {chosen(kind, device)} by backend {state.get_backend()!r}, in bytes"
    rows = [f"{name:<32} {value:>20,}" for name, value in memory_stats(kind, device).items()]
    return "\n".join([title, *(rows or ["the array library does not count it"])])


def device_memory_used(kind, device=None) -> int:
    """Bytes in use on the whole device."""
    free, total = mem_get_info(kind, device)
    return total - free


def _from_driver(what, unit):
    def function(kind, device=None):
        chosen(kind, device)
        raise ModuleNotFoundError(f"{what} is read from the driver's management library, which no backend here asks: use "
                                  "the package nvidia-ml-py")

    function.__name__ = what
    function.__doc__ = f"The device's {what} in {unit}.\n\nRaises:\n    ModuleNotFoundError: always."
    return function


utilization, memory_usage = _from_driver("utilization", "per cent"), _from_driver("memory_usage", "per cent")
temperature, power_draw = _from_driver("temperature", "degrees Celsius"), _from_driver("power_draw", "milliwatts")
clock_rate = _from_driver("clock_rate", "MHz")


def get_per_process_memory_fraction(kind, device=None) -> float:
    """The part of a device's memory that this process may take: all of it."""
    chosen(kind, device)
    return 1.0


def set_per_process_memory_fraction(kind, fraction, device=None) -> None:
    """Limits the memory of this process, where the library can.

    Raises:
        ValueError: not between 0 and 1.
        NotImplementedError: the library cannot, and the fraction is not 1.
    """
    chosen(kind, device)
    if not 0 <= fraction <= 1:
        raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1")
    if fraction < 1 and not state.current_backend().limit_memory(chosen(kind, device), fraction):
        raise NotImplementedError(f"backend {state.get_backend()!r} cannot limit its memory; set its library's own variable "
                                  "before the program starts (for JAX XLA_PYTHON_CLIENT_MEM_FRACTION)")


# Random numbers: one generator, on the host, for all devices.

def manual_seed(kind, seed: int) -> None:
    """Seeds the one generator that all devices share, if there is a device of this kind."""
    if present(kind):
        _random.manual_seed(seed)


def seed(kind) -> None:
    """Seeds the one generator from the operating system, if there is a device of this kind."""
    if present(kind):
        _random.seed()


def initial_seed(kind) -> int:
    """The seed that the generator started from."""
    required(kind)
    return _random.initial_seed()


def get_rng_state(kind, device=None):
    """The generator's state, as :func:`torch.get_rng_state`."""
    chosen(kind, device)
    return _random.get_rng_state()


def set_rng_state(kind, new_state, device=None) -> None:
    """Puts the generator into a state."""
    chosen(kind, device)
    _random.set_rng_state(new_state)


def get_rng_state_all(kind) -> list:
    """A state for each device of this kind."""
    return [_random.get_rng_state() for _ in present(kind)]


def set_rng_state_all(kind, new_states) -> None:
    """The same, put back; the devices share the generator, so the last one counts."""
    for new_state in new_states:
        _random.set_rng_state(new_state)


# Streams: see streams.py.

def current_stream(kind, device=None):
    """The one stream of a device: the order in which the array library works."""
    return StreamOf(kind)(chosen(kind, device))



def set_stream(kind, stream) -> None:
    """Accepts a stream; there is one per device."""


class DeviceProperties:
    """What the backend knows about a device.

    Attributes:
        name: of the device.
        total_memory: bytes, 0 where the library does not tell.
        major, minor: the compute capability, 0 where there is none.
        multi_processor_count: 0 where the library does not tell.
    """

    def __init__(self, device):
        known = state.current_backend().device_properties(device)
        self.name = known.get("name", f"{state.get_backend()} {device}")
        self.total_memory = known.get("total_memory", 0)
        self.major, self.minor = known.get("major", 0), known.get("minor", 0)
        self.multi_processor_count = known.get("multi_processor_count", 0)

    def __repr__(self):
        return (f"_{type(self).__name__}(name='{self.name}', major={self.major}, minor={self.minor}, "
                f"total_memory={self.total_memory // 2 ** 20}MB, multi_processor_count={self.multi_processor_count})")


class device:  # noqa: N801  (PyTorch's name)
    """Context manager: new tensors are made on this device of the kind; None and negative numbers change nothing."""

    kind = "cuda"

    def __init__(self, device):
        self._wanted = device

    @property
    def idx(self) -> int:
        """The device's number, -1 for none."""
        wanted = self._wanted
        if wanted is None:
            return -1
        return wanted if isinstance(wanted, int) else (Device(wanted).index or 0)

    def __enter__(self):
        self._before = state.default_device_setting()
        if self.idx >= 0 and present(self.kind):
            state.set_current_device(chosen(self.kind, self._wanted))

    def __exit__(self, *exc):
        state.put_back_default_device(self._before)
        return False


class device_of(device):  # noqa: N801
    """Context manager: new tensors are made where a tensor lives; one on another kind of device changes nothing."""

    def __init__(self, obj):
        on = getattr(obj, "device", None)
        super().__init__(on if on is not None and on.type == self.kind else None)


FUNCTIONS = (
    can_device_access_peer, clock_rate, current_device, current_stream, device_count, device_memory_used,
    empty_cache, get_arch_list, get_device_capability, get_device_name, get_device_properties, get_gencode_flags,
    get_per_process_memory_fraction, get_rng_state, get_rng_state_all, init, initial_seed, ipc_collect, is_available,
    is_bf16_supported, is_current_stream_capturing, is_initialized, manual_seed, max_memory_allocated, max_memory_reserved,
    mem_get_info, memory_allocated, memory_reserved, memory_snapshot, memory_stats, memory_stats_as_nested_dict,
    memory_summary, memory_usage, power_draw, reset_accumulated_memory_stats, reset_peak_memory_stats, seed, set_device,
    set_per_process_memory_fraction, set_rng_state, set_rng_state_all, set_stream, synchronize, temperature, utilization,
)
_SECOND_NAMES = {"manual_seed_all": "manual_seed", "seed_all": "seed", "default_stream": "current_stream"}


def _bound(function, kind):
    @functools.wraps(function)
    def bound(*args, **kwargs):
        return function(kind, *args, **kwargs)

    del bound.__wrapped__
    return bound


def define(namespace: dict, kind: str) -> list[str]:
    """Puts the functions and classes for a kind of device into a module; returns their names."""
    names = {function.__name__: _bound(function, kind) for function in FUNCTIONS}
    names |= {second: names[first] for second, first in _SECOND_NAMES.items()}
    names["Stream"], names["Event"] = StreamOf(kind), EventOf(kind)
    names["StreamContext"] = names["stream"] = StreamContext
    for cls in (device, device_of):
        names[cls.__name__] = type(cls.__name__, (cls,), {"kind": kind, "__doc__": cls.__doc__})
    namespace.update(names)
    return sorted(names)
