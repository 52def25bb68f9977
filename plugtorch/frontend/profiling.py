"""Profiles of programs that go in steps; names of ``torch.profiler``. The times of the ops are those of
:mod:`plugtorch.autograd.profiler`."""

from __future__ import annotations

import enum
import gzip
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

from plugtorch.autograd import profiler as op_profiler
from plugtorch.autograd.profiler import ProfilerActivity

__all__ = [
    "ExecutionTraceObserver", "ProfilerAction", "profile", "schedule", "supported_activities", "tensorboard_trace_handler",
]


class ProfilerAction(enum.Enum):
    """What a profiler does in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    """What can be timed: the calls that Python makes, which wait for what they start on a device."""
    return {ProfilerActivity.CPU}


def schedule(*, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0,
             skip_first_wait: int = 0) -> Callable:
    """A function from a step's number to what the profiler does in it.

    Args:
        wait, warmup, active: the lengths of the parts of a cycle: nothing is done, and again nothing that is kept, and
            steps are recorded, after the last of which the trace is ready.
        repeat: how many cycles; 0 for no end.
        skip_first: steps before the first cycle.
        skip_first_wait: if 1, the first cycle has no wait.

    Raises:
        AssertionError: negative lengths, or nothing active.
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError("Invalid profiler schedule arguments")

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            step += wait
        length = wait + warmup + active
        if repeat and step // length >= repeat:
            return ProfilerAction.NONE
        at = step % length
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if at == length - 1 else ProfilerAction.RECORD

    return action


def _always(_: int) -> ProfilerAction:
    return ProfilerAction.RECORD


_RECORDS = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


class profile:  # noqa: N801  (PyTorch's name)
    """``with profile(...) as prof:`` times ops, of all steps or of those that a schedule chooses.

    Args:
        activities: accepted: what Python calls is timed, and a call waits for what it starts on a device.
        schedule: of :func:`schedule`; with it, :meth:`step` says that a step is over.
        on_trace_ready: called with this object when the last step of a cycle, or the block, is over.
        record_shapes: keep the operands' shapes.
        profile_memory, with_stack, with_flops, with_modules, experimental_config, acc_events and others: accepted for
            PyTorch's sake; not recorded.
    """

    def __init__(self, *, activities: Iterable | None = None, schedule: Callable | None = None,
                 on_trace_ready: Callable | None = None, record_shapes: bool = False, profile_memory: bool = False,
                 with_stack: bool = False, with_flops: bool = False, with_modules: bool = False, experimental_config=None,
                 execution_trace_observer=None, acc_events: bool = False, use_cuda: bool | None = None, **_: Any):
        self.activities = set(activities) if activities is not None else supported_activities()
        self.schedule = schedule if schedule is not None else _always
        self.record_steps = schedule is not None
        self.on_trace_ready, self.record_shapes = on_trace_ready, record_shapes
        self.profile_memory, self.with_stack, self.with_flops = profile_memory, with_stack, with_flops
        self.with_modules, self.acc_events = with_modules, acc_events
        self.execution_trace_observer = execution_trace_observer
        self.step_num = 0
        self.current_action = self.schedule(0)
        self.profiler: op_profiler.profile | None = None
        self._running: op_profiler.profile | None = None
        self._label: op_profiler.record_function | None = None
        self._metadata: dict[str, Any] = {}

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begins the first step."""
        self._begin_step()

    def stop(self) -> None:
        """Ends the last step."""
        self._end_label()
        if self._running is not None:
            self._stop_recording()
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)

    def step(self) -> None:
        """Says that a step of the program is over, and the next begins."""
        self._end_label()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        if self._running is not None and (before is ProfilerAction.RECORD_AND_SAVE or self.current_action not in _RECORDS):
            self._stop_recording()
            if before is ProfilerAction.RECORD_AND_SAVE and self.on_trace_ready is not None:
                self.on_trace_ready(self)
        self._begin_step()

    def _begin_step(self):
        if self.current_action in _RECORDS and self._running is None:
            self._running = self.profiler = op_profiler.profile(record_shapes=self.record_shapes)
            self._running.__enter__()
        if self.record_steps and self._running is not None:
            self._label = op_profiler.record_function(f"ProfilerStep#{self.step_num}")
            self._label.__enter__()

    def _end_label(self):
        if self._label is not None:
            self._label.__exit__(None, None, None)
            self._label = None

    def _stop_recording(self):
        self._running.__exit__(None, None, None)
        self._running = None

    def events(self) -> op_profiler.EventList:
        """The calls of the steps recorded last.

        Raises:
            AssertionError: nothing was recorded.
            RuntimeError: the recording is not over.
        """
        if self.profiler is None:
            raise AssertionError("Profiler must be initialized before accessing events")
        return self.profiler._done()

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0,
                     group_by_overload_name: bool = False) -> op_profiler.EventList:
        """The calls added up by name, or by name and operand shapes."""
        return self.events().key_averages(group_by_input_shape)

    def export_chrome_trace(self, path: str) -> None:
        """Writes the calls in the format of ``chrome://tracing``, compressed if the path ends in ``.gz``."""
        with tempfile.TemporaryDirectory() as folder:
            plain = os.path.join(folder, "trace.json")
            self.events().export_chrome_trace(plain)
            if self._metadata:
                with open(plain) as file:
                    calls = json.load(file)
                with open(plain, "w") as file:
                    json.dump({"traceEvents": calls, **self._metadata}, file)
            if str(path).endswith(".gz"):
                with open(plain, "rb") as source, gzip.open(path, "wb") as file:
                    shutil.copyfileobj(source, file)
            else:
                shutil.copyfile(plain, path)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Writes lines ``caller;callee TIME`` for drawing flame graphs: labels and ops, in microseconds.

        Raises:
            ValueError: another metric.
        """
        if metric not in ("self_cpu_time_total", "self_cuda_time_total"):
            raise ValueError(f"metric should be one of: self_cpu_time_total, self_cuda_time_total, got {metric}")
        with open(path, "w") as file:
            for event in self.events():
                names, at = [], event
                while at is not None:
                    names.append(at.name.replace(";", ","))
                    at = at.cpu_parent
                spent = int(event.self_cpu_time_total) if metric == "self_cpu_time_total" else 0
                if spent:
                    file.write(f"{';'.join(reversed(names))} {spent}\n")

    def add_metadata(self, key: str, value: str) -> None:
        """Text that :meth:`export_chrome_trace` writes beside the calls."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Text in JSON that :meth:`export_chrome_trace` writes beside the calls."""
        self._metadata[key] = json.loads(value)

    preset_metadata_json = add_metadata_json

    def get_trace_id(self):
        """The trace's identifier; None before anything is recorded."""
        return None if self.profiler is None else f"{id(self.profiler):032X}"

    def toggle_collection_dynamic(self, enable: bool, activities: Iterable) -> None:
        """Nothing: a recording goes on to its end."""


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False,
                              use_python_export: bool = False) -> Callable:
    """A function for ``on_trace_ready`` that writes each trace to a file ``WORKER.TIME.pt.trace.json`` of a folder."""

    def handler(prof) -> None:
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json" + (".gz" if use_gzip else "")
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return handler


class ExecutionTraceObserver:
    """A file to which PyTorch writes every call; nothing is written here, as :class:`profile` does that."""

    def __init__(self):
        self._path, self._running = None, False

    def register_callback(self, output_file_path: str):
        """Keeps the path; returns the observer."""
        self._path = output_file_path
        return self

    def unregister_callback(self) -> None:
        """Forgets the path."""
        self._path = None

    def start(self) -> None:
        """Notes that it is on."""
        self._running = True

    def stop(self) -> None:
        """Notes that it is off."""
        self._running = False
