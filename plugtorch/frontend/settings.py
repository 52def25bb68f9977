"""Settings of the process: threads, determinism, precision of products, warnings."""

from __future__ import annotations

import os
import warnings

from . import state
from .devices.switches import libraries
from .methods import exporter

__all__: list[str] = []
_export = exporter(__all__)


# Threads, of the linear algebra under the host's arrays.

_interop_threads = os.cpu_count() or 1


@_export
def get_num_threads() -> int:
    """How many threads the libraries of linear algebra in this process use, and the kernels of the NumPy backend."""
    return max((info["num_threads"] for info in libraries()), default=1)


@_export
def set_num_threads(n: int) -> None:
    """Limits the threads of the libraries of linear algebra in this process, and of the NumPy backend's kernels, which
    spread blocks of their work over as many (JAX chooses its own when it starts).

    Raises:
        RuntimeError: n is not positive.
    """
    if not isinstance(n, int) or isinstance(n, bool):
        raise TypeError(f"set_num_threads expects an int, but got {type(n).__name__}")
    if n <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    import threadpoolctl

    threadpoolctl.threadpool_limits(n)


@_export
def get_num_interop_threads() -> int:
    """How many threads would run independent ops: kept and read back, ops run one after another."""
    return _interop_threads


@_export
def set_num_interop_threads(n: int) -> None:
    """Sets what :func:`get_num_interop_threads` answers.

    Raises:
        RuntimeError: n is not positive.
    """
    global _interop_threads
    if n <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    _interop_threads = n


@_export
def init_num_threads() -> None:
    """Nothing: the libraries start their threads themselves."""


# Determinism. On the host every op gives the same bits for the same input; on a GPU the library's scattered sums may not.

_deterministic, _warn_only = False, False


@_export
def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Notes that a program wants deterministic algorithms. All ops are deterministic on the host; on a GPU sums that are
    scattered to places may round differently from run to run, by the array library."""
    global _deterministic, _warn_only
    _deterministic, _warn_only = bool(mode), bool(warn_only)


@_export
def are_deterministic_algorithms_enabled() -> bool:
    """Whether :func:`use_deterministic_algorithms` is on."""
    return _deterministic


@_export
def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether it is to warn only."""
    return _warn_only


@_export
def set_deterministic_debug_mode(debug_mode) -> None:
    """0 or "default", 1 or "warn", 2 or "error": another way to say :func:`use_deterministic_algorithms`.

    Raises:
        RuntimeError: another value.
    """
    names = {"default": 0, "warn": 1, "error": 2}
    if isinstance(debug_mode, str):
        if debug_mode not in names:
            raise RuntimeError("invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got "
                               f"{debug_mode}")
        debug_mode = names[debug_mode]
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


@_export
def get_deterministic_debug_mode() -> int:
    """0, 1 or 2, as :func:`set_deterministic_debug_mode` takes it."""
    return 0 if not _deterministic else 1 if _warn_only else 2


# Precision and warnings.

_matmul_precision, _warn_always = "highest", False


@_export
def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` was told, "highest" by default."""
    return _matmul_precision


@_export
def set_float32_matmul_precision(precision: str) -> None:
    """Notes how precise products in float32 must be: "highest", "high" or "medium". They are always computed in full."""
    global _matmul_precision
    if precision not in ("highest", "high", "medium"):
        warnings.warn(f"{precision} is not one of 'highest', 'high', or 'medium'; the current setting {_matmul_precision!r} "
                      "will be used.", stacklevel=2)
        return
    _matmul_precision = precision


@_export
def set_warn_always(b: bool) -> None:
    """Sets what :func:`is_warn_always_enabled` answers; Python's own filters decide how often a warning is shown."""
    global _warn_always
    _warn_always = bool(b)


@_export
def is_warn_always_enabled() -> bool:
    """Whether :func:`set_warn_always` is on."""
    return _warn_always


@_export
def set_flush_denormal(mode: bool) -> bool:
    """Whether denormal numbers can be flushed to zero: it is the array library's matter, so False and nothing changes."""
    return False


@_export
def compiled_with_cxx11_abi() -> bool:
    """True, for programs that build C++ extensions against PyTorch; there is no C++ here."""
    return True


@_export
def is_vulkan_available() -> bool:
    """Whether the active backend computes by Vulkan."""
    return any(d.type == "vulkan" for d in state.current_backend().devices())


@_export
def get_device_module(device=None):
    """``torch.cuda`` and the like for a device; by default that of the accelerator, else of the host."""
    import importlib

    from plugtorch.spec.device import Device

    from .devices import accelerator

    wanted = accelerator.current_accelerator() if device is None else Device(device)
    kind = "cpu" if wanted is None else wanted.type
    try:
        return importlib.import_module(f"plugtorch.{kind}")
    except ModuleNotFoundError:
        raise RuntimeError(f"Invalid device module '{kind}'") from None
