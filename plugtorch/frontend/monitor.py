"""Counters and events of a program; names of ``torch.monitor``."""

from __future__ import annotations

import datetime
import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Aggregation", "Event", "EventHandlerHandle", "STAT_EVENT", "Stat", "TensorboardEventHandler", "data_value_t",
           "log_event", "register_event_handler", "unregister_event_handler"]

data_value_t = str | int | float | bool
STAT_EVENT = "torch.monitor.Stat"


class Aggregation(enum.IntEnum):
    """How the values of a :class:`Stat` are put together."""

    VALUE = 0
    MEAN = 1
    COUNT = 2
    SUM = 3
    MAX = 4
    MIN = 5


for _member in Aggregation:
    globals()[_member.name] = _member
    __all__.append(_member.name)


@dataclass
class Event:
    """Something that happened: a name, a time and values by their names."""

    name: str
    timestamp: datetime.datetime
    data: dict[str, data_value_t] = field(default_factory=dict)


class EventHandlerHandle:
    """What :func:`unregister_event_handler` takes."""

    def __init__(self, callback):
        self.callback = callback


_handlers: list[EventHandlerHandle] = []


def register_event_handler(callback: Callable[[Event], None]) -> EventHandlerHandle:
    """Calls the function with every event from now on."""
    handle = EventHandlerHandle(callback)
    _handlers.append(handle)
    return handle


def unregister_event_handler(handler: EventHandlerHandle) -> None:
    """Stops that."""
    if handler in _handlers:
        _handlers.remove(handler)


def log_event(event: Event) -> None:
    """Gives an event to all handlers."""
    for handler in list(_handlers):
        handler.callback(event)


class Stat:
    """A statistic of numbers, logged as an event after a time or a number of samples.

    Args:
        name: of the event.
        aggregations: what is computed.
        window_size: seconds (or a timedelta) after which it is logged and begins anew.
        max_samples: a number of samples after which it is.
    """

    def __init__(self, name: str, aggregations: list[Aggregation], window_size, max_samples: int | None = None):
        self.name, self._aggregations, self._limit = name, list(aggregations), max_samples
        self._window = window_size.total_seconds() if isinstance(window_size, datetime.timedelta) else float(window_size)
        self._values: list[float] = []
        self._began = time.monotonic()

    @property
    def count(self) -> int:
        """The number of samples since it was logged."""
        self._settle()
        return len(self._values)

    def add(self, v: float) -> None:
        """Takes a sample."""
        self._settle()
        self._values.append(v)
        if self._limit is not None and len(self._values) >= self._limit:
            self._log()

    def get(self) -> dict[Aggregation, float]:
        """The statistics of the samples so far."""
        self._settle()
        values = self._values
        if not values:
            return {a: 0 for a in self._aggregations}
        found = {Aggregation.VALUE: values[-1], Aggregation.MEAN: sum(values) / len(values), Aggregation.COUNT: len(values),
                 Aggregation.SUM: sum(values), Aggregation.MAX: max(values), Aggregation.MIN: min(values)}
        return {a: found[a] for a in self._aggregations}

    def _settle(self):
        if time.monotonic() - self._began >= self._window:
            self._log()

    def _log(self):
        values, self._began = self._values, time.monotonic()
        if values:
            shown = {f"{self.name}.{a.name.lower()}": v for a, v in self._summary(values).items()}
            self._values = []
            log_event(Event(STAT_EVENT, datetime.datetime.now(), shown))

    def _summary(self, values):
        kept, self._values = self._values, values
        began, self._began = self._began, time.monotonic()
        try:
            return self.get()
        finally:
            self._values, self._began = kept, began


class TensorboardEventHandler:
    """A handler that writes statistics to a SummaryWriter."""

    def __init__(self, writer):
        self._writer = writer

    def __call__(self, event: Event) -> None:
        if event.name == STAT_EVENT:
            for name, value in event.data.items():
                self._writer.add_scalar(name, value, walltime=event.timestamp.timestamp())
