"""``torch.backends.cudnn``: NVIDIA's deep-learning library."""

from __future__ import annotations

from plugtorch.frontend.devices.switches import switch, switched

enabled, benchmark, deterministic, allow_tf32 = True, False, False, True
benchmark_limit = 10


def is_available() -> bool:
    """Whether the library is in use: it is not."""
    return False


def is_acceptable(tensor) -> bool:
    """Whether the library would be used for a tensor: it is not."""
    return False


def version():
    """The library's version: None."""
    return None


def set_flags(enabled=None, benchmark=None, benchmark_limit=None, deterministic=None, allow_tf32=None):
    """Sets flags; returns what they were."""
    return switch(globals(), enabled=enabled, benchmark=benchmark, benchmark_limit=benchmark_limit,
                  deterministic=deterministic, allow_tf32=allow_tf32)


def flags(enabled=None, benchmark=None, benchmark_limit=None, deterministic=None, allow_tf32=None):
    """Flags for a block."""
    return switched(globals(), enabled=enabled, benchmark=benchmark, benchmark_limit=benchmark_limit,
                    deterministic=deterministic, allow_tf32=allow_tf32)
