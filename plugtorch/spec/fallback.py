"""Ops that a backend lacks: refused by name, or computed on the host when the user says so.

Off by default, because a program that moves arrays to the host and back in every step is slow in a way that nobody
sees. Where it is on, each op warns once, and every call is counted.
"""

from __future__ import annotations

import collections
import functools
import os
import threading
import warnings

import numpy as np

_enabled = os.environ.get("PLUGTORCH_HOST_FALLBACK", "") not in ("", "0")
_counts: collections.Counter = collections.Counter()
_lock = threading.Lock()


class OpUnsupported(NotImplementedError):
    """The backend has no kernel for an op, and says so."""


class HostFallbackWarning(UserWarning):
    """An op is computed on the host in place of the backend."""


def set_host_fallback(enabled: bool) -> None:
    """Whether ops that a backend declares as unsupported are computed on the host, by NumPy. The environment
    variable ``PLUGTORCH_HOST_FALLBACK=1`` turns it on from the start."""
    global _enabled
    _enabled = bool(enabled)


def is_host_fallback_enabled() -> bool:
    """Whether unsupported ops are computed on the host."""
    return _enabled


def host_fallback_counts() -> dict[str, int]:
    """How often each op was computed on the host so far, as ``{"backend.op": calls}``."""
    return dict(_counts)


@functools.cache
def _host():
    from .xp import XPBackend

    class Host(XPBackend, xp=np, array_type=np.ndarray):
        name = "host"

    return Host()


def missing_kernel(k, op, reason: str):
    """The method that stands for an op that backend ``k`` declares as unsupported."""
    label = f"{k.name}.{op.name}"

    def kernel(*operands, **params):
        if not _enabled:
            raise OpUnsupported(
                f"backend {k.name!r} has no op {op.name!r} ({reason}). plugtorch.set_host_fallback(True) computes it on "
                "the host, moving the arrays there and back; or move the tensor: x.to(backend='numpy')"
            )
        with _lock:
            first, _counts[label] = label not in _counts, _counts[label] + 1
        if first:
            warnings.warn(f"backend {k.name!r} has no op {op.name!r} ({reason}): it is computed on the host from now on "
                          "(plugtorch.host_fallback_counts() tells how often)", HostFallbackWarning, stacklevel=2)
        arrays = [o for o in operands if hasattr(o, "shape")]
        device = k.device_of(arrays[0]) if arrays else k.default_device()
        host = [np.array(k.to_host(o)) if hasattr(o, "shape") else o for o in operands]
        found = getattr(_host(), op.name)(*host, **params)
        if isinstance(found, tuple):
            return tuple(k.from_host(y, device=device) for y in found)
        return k.from_host(found, device=device)

    kernel.__name__ = op.name
    kernel.__signature__ = op.signature
    return kernel
