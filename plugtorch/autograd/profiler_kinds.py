"""Kinds of devices, activities and profilers by the names of PyTorch; the profile itself is in :mod:`.profiler`."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

__all__ = [
    "DeviceType", "KinetoStepTracker", "MemRecordsAcc", "ProfilerActivity", "ProfilerConfig", "ProfilerEvent",
    "ProfilerState", "emit_itt", "emit_nvtx", "kineto_available", "load_nvprof", "parse_nvprof_trace",
]

DeviceType = enum.IntEnum("DeviceType", (
    "CPU", "CUDA", "MKLDNN", "OPENGL", "OPENCL", "IDEEP", "HIP", "FPGA", "MAIA", "XLA", "Vulkan", "Metal", "XPU", "MPS",
    "Meta", "HPU", "VE", "Lazy", "IPU", "MTIA", "PrivateUse1"), start=0)
DeviceType.__doc__ = "Kinds of devices."


class ProfilerActivity(enum.Enum):
    """What a profile can time; only the calls that Python makes are, and they wait for what they start on a device."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


ProfilerState = enum.IntEnum("ProfilerState", (
    "Disabled", "CPU", "CUDA", "NVTX", "ITT", "PRIVATEUSE1", "KINETO", "KINETO_GPU_FALLBACK", "KINETO_PRIVATEUSE1_FALLBACK",
    "KINETO_PRIVATEUSE1"), start=0)
ProfilerState.__doc__ = "How PyTorch takes a profile."


@dataclass
class ProfilerConfig:
    """The settings of a profile."""

    state: Any
    report_input_shapes: bool
    profile_memory: bool
    with_stack: bool
    with_flops: bool
    with_modules: bool
    experimental_config: Any
    trace_id: str = ""


class ProfilerEvent:
    """A call in PyTorch's older profiler; calls here are of the class ``FunctionEvent``."""


def kineto_available() -> bool:
    """False: times are taken by Python, not by Kineto."""
    return False


class KinetoStepTracker:
    """The number of steps that the parts of a program have told a profiler of; the largest counts."""

    _steps: dict[str, int] = {}
    _current_step = 0

    @classmethod
    def init_step_count(cls, requester: str) -> None:
        """Begins counting for one part."""
        cls._steps[requester] = cls._current_step

    @classmethod
    def erase_step_count(cls, requester: str) -> bool:
        """Forgets a part; whether it was known."""
        return cls._steps.pop(requester, None) is not None

    @classmethod
    def increment_step(cls, requester: str) -> int:
        """A step of a part is over; returns the number of steps."""
        cls._steps[requester] = cls._steps.get(requester, cls._current_step) + 1
        cls._current_step = max(cls._current_step, *cls._steps.values())
        return cls._current_step

    @classmethod
    def current_step(cls) -> int:
        """The number of steps."""
        return cls._current_step


class MemRecordsAcc:
    """Records of memory, each with a time, that are asked for by intervals."""

    def __init__(self, mem_records):
        self._records = sorted(mem_records, key=lambda r: r[0].start_ns())

    def in_interval(self, start_us, end_us):
        """The records that begin in an interval of microseconds."""
        return (r for r in self._records if start_us * 1000 <= r[0].start_ns() <= end_us * 1000)


_MARKERS = ("not offered: {}: it marks calls for a vendor's profiler, which PyTorch's kernels would call; "
            "use torch.profiler.profile, or the marks of your array library")


class emit_nvtx:  # noqa: N801
    """A block whose calls would be marked for NVIDIA's profiler.

    Raises:
        RuntimeError: it is entered and enabled: the calls cannot be marked.
    """

    _name = "torch.autograd.profiler.emit_nvtx"

    def __init__(self, enabled: bool = True, record_shapes: bool = False):
        self.enabled = enabled

    def __enter__(self):
        if self.enabled:
            raise RuntimeError(_MARKERS.format(self._name))
        return None

    def __exit__(self, *exc):
        return None


class emit_itt(emit_nvtx):  # noqa: N801
    """A block whose calls would be marked for Intel's profiler.

    Raises:
        RuntimeError: it is entered and enabled: the calls cannot be marked.
    """

    _name = "torch.autograd.profiler.emit_itt"


def load_nvprof(path):
    """Would read a trace of nvprof.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(_MARKERS.format("torch.autograd.profiler.load_nvprof"))


parse_nvprof_trace = load_nvprof
