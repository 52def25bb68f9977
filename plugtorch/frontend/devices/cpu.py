"""``torch.cpu``: the host, which every installation has."""

from __future__ import annotations

import platform

from .. import state
from ..methods import exporter
from .streams import EventOf, StreamContext, StreamOf

__all__: list[str] = ["Event", "Stream", "StreamContext"]
_export = exporter(__all__)
Event, Stream = EventOf("cpu"), StreamOf("cpu")


@_export
def is_available() -> bool:
    """True."""
    return True


@_export
def is_initialized() -> bool:
    """True."""
    return True


@_export
def device_count() -> int:
    """1."""
    return 1


@_export
def current_device() -> str:
    """"cpu"."""
    return "cpu"


@_export
def set_device(device) -> None:
    """Accepts the host."""


@_export
def synchronize(device=None) -> None:
    """Waits until the active backend has finished its work."""
    state.current_backend().synchronize()


@_export
def current_stream(device=None):
    """The host's one stream."""
    return Stream()


@_export
def stream(stream):
    """A block on the host's one stream."""
    return StreamContext(stream)


@_export
def get_capabilities() -> dict:
    """The architecture of the processor."""
    return {"architecture": platform.machine()}
