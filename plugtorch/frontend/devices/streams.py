"""Streams and events. The array libraries keep the order of the work of one device themselves, so all streams of a device
are one: waiting for another stream is already done, and an event is a moment at which all work was finished."""

from __future__ import annotations

import functools
import time

from plugtorch.spec.device import Device

from .. import state


class Stream:
    """The order of work on a device.

    Attributes:
        device: the device.
        stream_id: 0, there is one per device.
    """

    kind = "cpu"

    def __init__(self, device=None, priority=0, **kwargs):
        self.device = self._checked(device)
        self.priority, self.stream_id, self.device_index = priority, 0, self.device.index or 0
        self.device_type = self.kind

    @classmethod
    def _checked(cls, device):
        if cls.kind == "cpu":
            return Device("cpu") if device is None else Device(device)
        from .surface import chosen, present

        if not present(cls.kind):
            raise RuntimeError(f"torch.{cls.kind}.Stream requires {cls.kind.upper()} support: backend "
                               f"{state.get_backend()!r} has no {cls.kind} device")
        return chosen(cls.kind, device)

    def wait_event(self, event) -> None:
        """Work after this comes after the event: it does anyway."""

    def wait_stream(self, stream) -> None:
        """Work after this comes after the other stream's: it does anyway."""

    def record_event(self, event=None):
        """An event at this moment."""
        event = EventOf(self.kind)() if event is None else event
        event.record(self)
        return event

    def query(self) -> bool:
        """Whether all work is finished; finds out by waiting for it."""
        self.synchronize()
        return True

    def synchronize(self) -> None:
        """Waits until the backend has finished its work."""
        state.current_backend().synchronize()

    def __eq__(self, other):
        return isinstance(other, Stream) and self.device == other.device

    def __hash__(self):
        return hash((self.kind, self.device))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False

    def __repr__(self):
        return f"torch.Stream device_type={self.kind}, device_index={self.device.index or -1}, stream_id=0"


class Event:
    """A moment in the work of a device; with ``enable_timing`` two of them measure the time between."""

    kind = "cpu"

    def __init__(self, device=None, enable_timing=False, blocking=False, interprocess=False, external=False):
        if self.kind != "cpu":
            from .surface import present

            if not present(self.kind):
                raise RuntimeError(f"Tried to instantiate dummy base class Event: backend {state.get_backend()!r} has no "
                                   f"{self.kind} device")
        self.enable_timing, self._time = enable_timing, None

    def record(self, stream=None) -> None:
        """Waits for the work so far, and notes the time."""
        state.current_backend().synchronize()
        self._time = time.perf_counter()

    def wait(self, stream=None) -> None:
        """Work after this comes after the event: it does anyway."""

    def query(self) -> bool:
        """Whether the work before the event is finished."""
        return True

    def synchronize(self) -> None:
        """Waits for the event."""
        state.current_backend().synchronize()

    def elapsed_time(self, end_event) -> float:
        """Milliseconds between this event and another.

        Raises:
            ValueError: one was not recorded, or not made with ``enable_timing``.
        """
        if not (self.enable_timing and end_event.enable_timing):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._time is None or end_event._time is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return (end_event._time - self._time) * 1000

    def __repr__(self):
        return f"torch.Event device_type={self.kind}"


@functools.cache
def StreamOf(kind):  # noqa: N802  (gives a class)
    """The class of streams of a kind of device."""
    return type("Stream", (Stream,), {"kind": kind, "__doc__": Stream.__doc__})


@functools.cache
def EventOf(kind):  # noqa: N802
    """The class of events of a kind of device."""
    return type("Event", (Event,), {"kind": kind, "__doc__": Event.__doc__})


class StreamContext:
    """``with stream(s):`` runs the block in the device's one order; None changes nothing."""

    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        return self.stream

    def __exit__(self, *exc):
        return False
