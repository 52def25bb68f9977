"""``torch.cuda``: truthful answers about the CUDA devices of the active backend."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

from .. import legacy_types, state
from ..failures import AcceleratorError, OutOfMemoryError
from ..methods import exporter
from . import surface

__all__: list[str] = []
__all__ += surface.define(globals(), "cuda")
_export = exporter(__all__)

CudaError = AcceleratorError
DeferredCudaCallError = _export(type("DeferredCudaCallError", (Exception,), {"__doc__": "A call of the driver that failed "
                                                                             "when CUDA came up."}))
has_half, has_magma = True, False
default_generators = ()
__all__ += ["AcceleratorError", "CudaError", "OutOfMemoryError", "default_generators", "has_half", "has_magma"]


def _legacy(name):
    plain = getattr(legacy_types, name, None)
    if plain is None:
        return

    def make(*args, **kwargs):
        if not surface.present("cuda"):
            raise TypeError(f"type torch.cuda.{name} not available. Torch not compiled with CUDA enabled.")
        with surface.chosen("cuda"):
            return plain(*args, **kwargs)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"``torch.{name}`` on the current CUDA device."
    globals()[name] = _export(make)


for _name in ("BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor",
              "IntTensor", "LongTensor", "ShortTensor"):
    _legacy(_name)


@_export
def is_tf32_supported() -> bool:
    """Whether products may be computed in TF32: on CUDA devices of capability 8 and more."""
    return bool(surface.present("cuda")) and globals()["get_device_capability"]()[0] >= 8


@_export
def get_allocator_backend() -> str:
    """Whose allocator is in use: the active backend's library's."""
    return state.get_backend()


@_export
def list_gpu_processes(device=None) -> str:
    """Text on the processes that use a device; the driver's management library would know."""
    return "pynvml module not found, please install nvidia-ml-py"


@_export
def get_sync_debug_mode() -> int:
    """0: no warnings of calls that wait."""
    surface.required("cuda")
    return 0


@_export
def set_sync_debug_mode(debug_mode) -> None:
    """Accepted; calls that wait are not reported."""
    surface.required("cuda")


def _older(name, newer):
    def function(device=None):
        warnings.warn(f"torch.cuda.{name} has been renamed to torch.cuda.{newer}", FutureWarning, stacklevel=2)
        return globals()[newer](device)

    function.__name__, function.__doc__ = name, f"Older name of :func:`{newer}`."
    globals()[name] = _export(function)


for _name, _newer in (("memory_cached", "memory_reserved"), ("max_memory_cached", "max_memory_reserved"),
                      ("reset_max_memory_allocated", "reset_peak_memory_stats"),
                      ("reset_max_memory_cached", "reset_peak_memory_stats")):
    _older(_name, _newer)


class _NoCapture:
    """What needs the capture of a stream, which array libraries do not offer through the op spec."""

    what = "CUDA graphs"

    def __init__(self, *args, **kwargs):
        raise RuntimeError(f"{self.what} are not offered: no backend captures streams. On JAX torch.compile is the way to a "
                           "program without per-op overhead")


class CUDAGraph(_NoCapture):
    """A captured graph of kernels: refused by every backend."""


class graph(_NoCapture):  # noqa: N801
    """Captures a graph of kernels: refused by every backend."""


@_export
def make_graphed_callables(callables, sample_args, num_warmup_iters=3, allow_unused_input=False, pool=None):
    """The callables themselves: kernels are launched one by one here."""
    return callables


__all__ += ["CUDAGraph", "graph"]


class nvtx:  # noqa: N801
    """``torch.cuda.nvtx``: ranges for NVIDIA's profiler, which needs their own package."""

    @staticmethod
    def _refuse():
        raise RuntimeError("NVTX functions not installed. Are you sure you have a CUDA build?")

    @staticmethod
    def range_push(msg):
        """Opens a range."""
        nvtx._refuse()

    @staticmethod
    def range_pop():
        """Closes the innermost range."""
        nvtx._refuse()

    @staticmethod
    def mark(msg):
        """Marks a moment."""
        nvtx._refuse()

    @staticmethod
    @contextmanager
    def range(msg, *args, **kwargs):
        """A range for a block."""
        nvtx._refuse()
        yield


__all__ += ["nvtx"]
