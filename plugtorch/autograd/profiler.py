"""How long the ops of a program take; names of ``torch.autograd.profiler``.

While a profile is taken, each kernel of the loaded backends is shadowed by an attribute of the backend object that
times it, so a program that is not profiled pays nothing. Where a library computes in the background (JAX, CuPy), a
kernel is waited for, so that its time is its own.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any

from plugtorch.spec import registry
from plugtorch.spec.op import OPS

from . import profiler_kinds
from .profiler_kinds import *  # noqa: F403

__all__ = ["EnforceUnique", "EventList", "FunctionEvent", "FunctionEventAvg", "profile", "record_function",
           *profiler_kinds.__all__]


class FunctionEvent:
    """One timed call.

    Attributes:
        name: the op, as ``aten::NAME``, or the label of a :class:`record_function`.
        start_us, end_us: microseconds since the profile began.
        thread: identifier of the thread.
        input_shapes: shapes of the operands, if asked for.
        cpu_parent, cpu_children: the call around it, and the calls inside.
    """

    count = 1

    def __init__(self, id: int, name: str, start_us: float, parent: FunctionEvent | None, shapes=(),
                 is_user_annotation: bool = False):
        self.id, self.name, self.start_us, self.end_us = id, name, start_us, start_us
        self.thread, self.input_shapes = threading.get_ident(), list(shapes)
        self.is_user_annotation = is_user_annotation
        self.cpu_parent, self.cpu_children = parent, []
        if parent is not None:
            parent.cpu_children.append(self)

    @property
    def key(self) -> str:
        """The name under which calls are added up."""
        return self.name

    @property
    def cpu_time_total(self) -> float:
        """Microseconds from begin to end."""
        return self.end_us - self.start_us

    cpu_time = cpu_time_total

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds outside the calls inside."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    def __repr__(self):
        return (f"<FunctionEvent id={self.id} name={self.name} cpu_time={_duration(self.cpu_time_total)} "
                f"start_us={self.start_us:.3f} end_us={self.end_us:.3f} "
                f"cpu_children={[child.id for child in self.cpu_children]} thread={self.thread} "
                f"input_shapes={self.input_shapes}>")


class FunctionEventAvg:
    """Calls of one name, added up."""

    def __init__(self, key: str = "Total", input_shapes=()):
        self.key, self.input_shapes = key, list(input_shapes)
        self.count, self.cpu_time_total, self.self_cpu_time_total = 0, 0.0, 0.0

    def add(self, event: FunctionEvent | FunctionEventAvg) -> FunctionEventAvg:
        """Adds a call, or others added up already."""
        self.count += event.count
        self.cpu_time_total += event.cpu_time_total
        self.self_cpu_time_total += event.self_cpu_time_total
        return self

    __iadd__ = add

    @property
    def cpu_time(self) -> float:
        """Microseconds of one call on average."""
        return self.cpu_time_total / self.count if self.count else 0.0

    def __repr__(self):
        return (f"<FunctionEventAvg key={self.key} self_cpu_time={_duration(self.self_cpu_time_total)} "
                f"cpu_time={_duration(self.cpu_time)} input_shapes={self.input_shapes}>")


def _duration(us: float, unit: str | None = None) -> str:
    if unit == "s" or (unit is None and us >= 1e6):
        return f"{us / 1e6:.3f}s"
    if unit == "ms" or (unit is None and us >= 1e3):
        return f"{us / 1e3:.3f}ms"
    return f"{us:.3f}us"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "0.00%"


_SORTED_BY = ("cpu_time", "cpu_time_total", "self_cpu_time_total", "count")


class EventList(list):
    """Calls, or sums of calls, in the order of their beginning."""

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all calls, each counted once."""
        return sum(event.self_cpu_time_total for event in self)

    def key_averages(self, group_by_input_shapes: bool = False, **_: Any) -> EventList:
        """The calls added up by name, or by name and operand shapes."""
        groups: dict = {}
        for event in self:
            shapes = tuple(map(tuple, event.input_shapes)) if group_by_input_shapes else ()
            groups.setdefault((event.key, shapes), FunctionEventAvg(event.key, shapes)).add(event)
        return EventList(groups.values())

    def total_average(self) -> FunctionEventAvg:
        """All calls added up."""
        total = FunctionEventAvg()
        for event in self:
            total.add(event)
        return total

    def table(self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75,
              max_name_column_width: int = 55, max_shapes_column_width: int = 80, header: str | None = None,
              top_level_events_only: bool = False, time_unit: str | None = None) -> str:
        """The events as text, one line each.

        Args:
            sort_by: "cpu_time", "cpu_time_total", "self_cpu_time_total" or "count": the largest first.
            row_limit: how many; -1 for all.
            header: a line above.
            top_level_events_only: leave out calls inside others.
            time_unit: "us", "ms" or "s" for all times.

        Raises:
            AttributeError: another ``sort_by``.
        """
        events = list(self)
        if top_level_events_only:
            events = [e for e in events if getattr(e, "cpu_parent", None) is None]
        if sort_by is not None:
            if sort_by not in _SORTED_BY:
                raise AttributeError(f"events are sorted by one of {_SORTED_BY}, not {sort_by!r}")
            events.sort(key=lambda e: getattr(e, sort_by), reverse=True)
        whole = self.self_cpu_time_total
        shown = events if row_limit < 0 else events[:row_limit]
        shapes = any(e.input_shapes for e in shown)
        rows = [["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "# of Calls"]
                + (["Input Shapes"] if shapes else [])]
        for e in shown:
            rows.append([
                e.key[:max_name_column_width], _share(e.self_cpu_time_total, whole),
                _duration(e.self_cpu_time_total, time_unit), _share(e.cpu_time_total, whole),
                _duration(e.cpu_time_total, time_unit), _duration(e.cpu_time, time_unit), str(e.count),
            ] + ([str(e.input_shapes)[:max_shapes_column_width]] if shapes else []))
        widths = [max(12, *(len(row[i]) for row in rows)) for i in range(len(rows[0]))]
        rule = "  ".join("-" * w for w in widths)
        lines = [rule, *("  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows), rule]
        lines.insert(2, rule)
        if header is not None:
            lines[:0] = ["=" * len(rule), header]
        return "\n".join([*lines, f"Self CPU time total: {_duration(whole, time_unit)}", ""])

    def export_chrome_trace(self, path: str) -> None:
        """Writes the calls in the format of ``chrome://tracing``."""
        events = [{"name": e.name, "ph": "X", "ts": e.start_us, "dur": e.cpu_time_total, "pid": "CPU functions",
                   "tid": e.thread, "args": {"shapes": [list(s) for s in e.input_shapes]}} for e in self]
        with open(path, "w") as file:
            json.dump(events, file)

    def __str__(self):
        return self.table()


_running: profile | None = None
# (class, name of a method, function of an object that gives its label): methods that are timed besides kernels.
TIMED: list[tuple[type, str, Callable[[Any], str]]] = []


class profile:  # noqa: N801  (PyTorch's name)
    """``with profile() as prof:`` times the kernels that run inside, on all threads.

    Args:
        enabled: whether to do anything.
        record_shapes: keep the operands' shapes.
        use_cpu, use_cuda, use_device, with_flops, profile_memory, with_stack, with_modules, use_kineto: accepted for
            PyTorch's sake.

    Raises:
        RuntimeError: a profile is being taken already, or it is read before its end.
    """

    def __init__(self, enabled: bool = True, *, use_cuda: bool = False, use_device: str | None = None,
                 record_shapes: bool = False, with_flops: bool = False, profile_memory: bool = False,
                 with_stack: bool = False, with_modules: bool = False, use_kineto: bool = False, use_cpu: bool = True,
                 **_: Any):
        self.enabled, self.record_shapes = enabled, record_shapes
        self.use_cuda, self.use_device, self.use_cpu = use_cuda, use_device, use_cpu
        self.with_flops, self.profile_memory, self.with_stack = with_flops, profile_memory, with_stack
        self.with_modules, self.entered = with_modules, False
        self.function_events: EventList | None = None
        self._events: list[FunctionEvent] = []
        self._open = threading.local()
        self._lock = threading.Lock()

    def __enter__(self) -> profile:
        global _running
        if not self.enabled:
            return self
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        if _running is not None:
            raise RuntimeError("a profile is being taken already; profiles cannot be nested")
        registry.load_backend("numpy")  # the host's; any other is loaded when it is chosen
        self.entered, _running = True, self
        self._began = time.perf_counter_ns()
        self._shadowed = [(k, name) for k in list(registry._loaded.values()) for name in OPS if hasattr(k, name)]
        for k, name in self._shadowed:
            setattr(k, name, self._timed(k, name, getattr(k, name)))
        self._methods = [(cls, name, cls.__dict__[name]) for cls, name, _ in TIMED]
        for cls, name, label in TIMED:
            setattr(cls, name, self._timed_method(cls.__dict__[name], label))
        return self

    def __exit__(self, *exc: object) -> None:
        global _running
        if not self.enabled:
            return
        for k, name in self._shadowed:
            delattr(k, name)
        for cls, name, method in self._methods:
            setattr(cls, name, method)
        _running = None
        self.function_events = EventList(sorted(self._events, key=lambda e: e.start_us))

    def _now(self) -> float:
        return (time.perf_counter_ns() - self._began) / 1000

    def _timed(self, k, name, kernel):
        label = "aten::" + name

        @functools.wraps(kernel)
        def run(*operands, **params):
            if _running is not self:  # a program that was compiled during the profile has it in it
                return kernel(*operands, **params)
            shapes = [tuple(getattr(o, "shape", ())) for o in operands] if self.record_shapes else ()
            self.begin(label, shapes)
            try:
                result = kernel(*operands, **params)
                k.synchronize()
                return result
            finally:
                self.end()

        return run

    def _timed_method(self, method, label):
        @functools.wraps(method)
        def run(owner, *args, **kwargs):
            self.begin(label(owner))
            try:
                return method(owner, *args, **kwargs)
            finally:
                self.end()

        return run

    def begin(self, name: str, shapes=(), is_user_annotation: bool = False) -> None:
        """Begins an event of this thread, inside the one that is open."""
        stack = self._open.__dict__.setdefault("events", [])
        with self._lock:
            event = FunctionEvent(len(self._events), name, 0.0, stack[-1] if stack else None, shapes, is_user_annotation)
            self._events.append(event)
        stack.append(event)
        event.start_us = self._now()
        event.end_us = event.start_us

    def end(self) -> None:
        """Ends the event of this thread that is open."""
        stack = self._open.__dict__.get("events")
        if stack:
            stack.pop().end_us = self._now()

    def _done(self) -> EventList:
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")
        return self.function_events

    def key_averages(self, group_by_input_shape: bool = False, **_: Any) -> EventList:
        """The calls added up by name; see :meth:`EventList.key_averages`."""
        return self._done().key_averages(group_by_input_shape)

    def total_average(self) -> FunctionEventAvg:
        """All calls added up."""
        return self._done().total_average()

    def table(self, *args: Any, **kwargs: Any) -> str:
        """The calls as text; see :meth:`EventList.table`."""
        return self._done().table(*args, **kwargs)

    def export_chrome_trace(self, path: str) -> None:
        """Writes the calls in the format of ``chrome://tracing``."""
        self._done().export_chrome_trace(path)

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all calls, each counted once."""
        return self._done().self_cpu_time_total

    def __repr__(self):
        return "<unfinished torch.autograd.profile>" if self.function_events is None else repr(self.function_events)

    def __str__(self):
        return "<unfinished torch.autograd.profile>" if self.function_events is None else str(self.function_events)


class record_function(ContextDecorator):  # noqa: N801
    """A label around a block or function, which shows in a profile; does nothing while none is taken."""

    def __init__(self, name: str, args: str | None = None):
        self.name, self.args = name, args
        self._profiles: list = []

    def __enter__(self) -> record_function:
        self._profiles.append(_running)
        if _running is not None:
            _running.begin(self.name, is_user_annotation=True)
        return self

    def __exit__(self, *exc: object) -> None:
        taken = self._profiles.pop()
        if taken is not None:
            taken.end()


class EnforceUnique:
    """Raises when a key is seen twice."""

    def __init__(self):
        self.seen: set = set()

    def see(self, *key: Any) -> None:
        """Notes a key.

        Raises:
            RuntimeError: it was seen before.
        """
        if key in self.seen:
            raise RuntimeError("duplicate key: " + str(key))
        self.seen.add(key)
