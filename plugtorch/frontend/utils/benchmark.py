"""Timing statements; names of ``torch.utils.benchmark``."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import statistics
import textwrap
import time
import timeit
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from plugtorch.frontend import settings, state
from plugtorch.frontend.not_offered import refused_class

__all__ = [
    "CallgrindStats", "Compare", "CopyIfCallgrind", "FunctionCount", "FunctionCounts", "FuzzedParameter",
    "FuzzedSparseTensor", "FuzzedTensor", "Fuzzer", "Language", "Measurement", "ParameterAlias", "TaskSpec", "Timer",
    "ordered_unique", "select_unit", "set_torch_threads", "timer", "trim_sigfig", "unit_to_english",
]

_UNITS = (("ns", 1e-9, "nanosecond"), ("us", 1e-6, "microsecond"), ("ms", 1e-3, "millisecond"), ("s", 1.0, "second"))


class Language(enum.Enum):
    """What a statement is written in."""

    PYTHON = 0
    CPP = 1


def timer() -> float:
    """Seconds, when everything that the active backend started is done."""
    state.current_backend().synchronize()
    return timeit.default_timer()


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which a time in seconds is shown, and its length in seconds."""
    return next(((unit, size) for unit, size, _ in reversed(_UNITS) if t >= size), _UNITS[0][:2])


def unit_to_english(u: str) -> str:
    """The word of a unit."""
    return next(word for unit, _, word in _UNITS if unit == u)


def trim_sigfig(x: float, n: int) -> float:
    """A number rounded to n significant digits."""
    return float(f"{x:.{n - 1}e}") if x else 0.0


def ordered_unique(elements: Iterable) -> list:
    """The elements, each once, in their order."""
    return list(dict.fromkeys(elements))


@contextlib.contextmanager
def set_torch_threads(n: int) -> Iterator[None]:
    """A block with a number of threads."""
    before = settings.get_num_threads()
    if n != before:
        settings.set_num_threads(n)
    try:
        yield
    finally:
        if n != before:
            settings.set_num_threads(before)


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """What is timed."""

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label, or the statement."""
        label = self.label or (self.stmt if "\n" not in self.stmt.strip() else "[multi-line statement]")
        return f"{label}{f': {self.sub_label}' if self.sub_label else ''}"

    def summarize(self) -> str:
        """The labels as text."""
        parts = [self.title, self.description or "", f"setup: {self.setup}" if self.setup != "pass" else ""]
        return "\n".join(p for p in parts if p)


@dataclasses.dataclass
class Measurement:
    """Times of a statement.

    Attributes:
        number_per_run: how often the statement ran for each of
        raw_times: seconds.
        task_spec: what was timed.
    """

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict[Any, Any] | None = None

    @property
    def times(self) -> list[float]:
        """Seconds of one run of the statement."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.times)

    @property
    def median(self) -> float:
        """Their median."""
        return statistics.median(self.times)

    @property
    def iqr(self) -> float:
        """The distance of their quartiles."""
        times = sorted(self.times)
        if len(times) < 2:
            return 0.0
        low, _, high = statistics.quantiles(times, n=4, method="inclusive")
        return high - low

    @property
    def has_warnings(self) -> bool:
        """Whether the times vary so much that they say little."""
        return self.iqr / self.median > 0.1 if self.median else False

    @property
    def significant_figures(self) -> int:
        """How many digits of the median mean something."""
        if len(self.times) < 2 or not self.iqr:
            return 2 if len(self.times) < 2 else 3
        relative = self.iqr / self.median
        return 3 if relative < 0.01 else 2 if relative < 0.1 else 1

    def __getattr__(self, name):
        if name in {f.name for f in dataclasses.fields(TaskSpec)} | {"title"}:
            return getattr(self.task_spec, name)
        raise AttributeError(name)

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Measurements of one task put together."""
        groups: dict[TaskSpec, list[Measurement]] = {}
        for m in measurements:
            groups.setdefault(m.task_spec, []).append(m)
        return [Measurement(1, [t for m in group for t in m.times], task) for task, group in groups.items()]

    def __repr__(self):
        unit, size = select_unit(self.median)
        lines = [f"<{type(self).__module__}.{type(self).__name__} object at {hex(id(self))}>", self.task_spec.summarize()]
        word = "Median" if len(self.times) > 1 else "Time"
        lines.append(f"  {f'{word}: ' if len(self.times) > 1 else ''}{trim_sigfig(self.median / size, 3):.2f} {unit}")
        if len(self.times) > 1:
            lines.append(f"  IQR:    {trim_sigfig(self.iqr / size, 3):.2f} {unit}")
        lines.append(f"  {len(self.raw_times)} measurement{'s' if len(self.raw_times) > 1 else ''}, {self.number_per_run} "
                     f"runs per measurement, {self.task_spec.num_threads} thread"
                     f"{'s' if self.task_spec.num_threads > 1 else ''}")
        return "\n".join(lines)


class Timer:
    """Times a statement, with one thread unless told otherwise, and with what it starts waited for.

    Args:
        stmt, setup: Python; ``setup`` runs once before each measurement.
        timer: gives seconds.
        globals: the names that they use; ``torch`` is this library.
        label, sub_label, description, env, num_threads: of the task; see :class:`TaskSpec`.
        language: PYTHON.

    Raises:
        NotImplementedError: C++.
    """

    def __init__(self, stmt: str = "pass", setup: str = "pass", global_setup: str = "",
                 timer: Callable[[], float] = timer, globals: dict[str, Any] | None = None, label: str | None = None,
                 sub_label: str | None = None, description: str | None = None, env: str | None = None, num_threads: int = 1,
                 language: Language | str = Language.PYTHON):
        if language not in (Language.PYTHON, "py", "python"):
            raise NotImplementedError("not offered: torch.utils.benchmark.Timer of C++: there is no C++ interface")
        if global_setup:
            raise ValueError(f"global_setup is C++ only, got `{global_setup}`. Most likely this code can simply be moved to "
                             "`setup`.")
        import plugtorch

        names = {**(globals or {})}
        names.setdefault("torch", plugtorch)
        stmt, setup = (textwrap.dedent(s).strip() or "pass" for s in (stmt, setup))
        self._task_spec = TaskSpec(stmt, setup, global_setup, label, sub_label, description, env, num_threads)
        self._timer = timeit.Timer(stmt, setup, timer, names)

    def _timeit(self, number: int) -> float:
        return max(self._timer.timeit(number), 1e-9)

    def timeit(self, number: int = 1000000) -> Measurement:
        """One measurement of that many runs, after a few to warm up."""
        with set_torch_threads(self._task_spec.num_threads):
            self._timeit(max(number // 100, 2))
            return Measurement(number, [self._timeit(number)], self._task_spec)

    def _block_size(self, min_run_time):
        number = 1
        while True:
            taken = self._timeit(number)
            if taken >= max(min_run_time / 1000, 1e-4) or taken >= min_run_time:
                return number
            number *= 10

    def blocked_autorange(self, callback: Callable | None = None, min_run_time: float = 0.2) -> Measurement:
        """Measurements of blocks of runs that together take at least ``min_run_time`` seconds."""
        with set_torch_threads(self._task_spec.num_threads):
            number, times = self._block_size(min_run_time), []
            while sum(times) < min_run_time or not times:
                times.append(self._timeit(number))
                if callback is not None:
                    callback(number, times[-1])
            return Measurement(number, times, self._task_spec)

    def adaptive_autorange(self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0,
                           callback: Callable | None = None) -> Measurement:
        """Measurements until their quartiles lie within ``threshold`` of the median, or ``max_run_time`` is over."""
        began, times = time.monotonic(), []
        with set_torch_threads(self._task_spec.num_threads):
            number = self._block_size(min_run_time)
            while True:
                times.append(self._timeit(number))
                if callback is not None:
                    callback(number, times[-1])
                found = Measurement(number, times, self._task_spec)
                steady = len(times) > 3 and found.iqr / found.median < threshold and sum(times) >= min_run_time
                if steady or time.monotonic() - began >= max_run_time:
                    return found

    def autorange(self, callback: Callable | None = None) -> Measurement:
        """:meth:`blocked_autorange`."""
        return self.blocked_autorange(callback)

    def collect_callgrind(self, *args, **kwargs):
        """Would count instructions.

        Raises:
            NotImplementedError: always.
        """
        return CallgrindStats()


class Compare:
    """A table of measurements: a row per sub-label, a column per description, a block per label and number of threads."""

    def __init__(self, results: list[Measurement]):
        self._results = list(results)
        self._trim, self._highlight = False, False

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Adds measurements."""
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Shows the digits that mean something."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """Nothing: the table is plain text."""

    def highlight_warnings(self) -> None:
        """Marks measurements that vary much with ``(!)``."""
        self._highlight = True

    def print(self) -> None:
        """Prints the table."""
        print(str(self))

    def __str__(self):
        merged, blocks = Measurement.merge(self._results), []
        for label in ordered_unique(m.task_spec.label for m in merged):
            own = [m for m in merged if m.task_spec.label == label]
            columns = ordered_unique(m.task_spec.description or "" for m in own)
            unit, size = select_unit(min(m.median for m in own))
            table = [["", *columns]]
            for threads in ordered_unique(m.task_spec.num_threads for m in own):
                table.append([f"{threads} threads:", *([""] * len(columns))])
                rows = [m for m in own if m.task_spec.num_threads == threads]
                for name in ordered_unique(m.task_spec.sub_label or m.task_spec.stmt for m in rows):
                    cells = []
                    for column in columns:
                        m = next((m for m in rows if (m.task_spec.sub_label or m.task_spec.stmt) == name
                                  and (m.task_spec.description or "") == column), None)
                        cells.append("" if m is None else self._cell(m, size))
                    table.append([f"  {name}", *cells])
            widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
            lines = ["  |  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
                     for row in table]
            title = f" {label} " if label else " "
            blocks.append("\n".join([f"[{title.center(max(len(lines[0]) - 2, 1), '-')}]", *lines, "",
                                     f"Times are in {unit_to_english(unit)}s ({unit})."]))
        return "\n\n".join(blocks)

    def _cell(self, m, size):
        value = m.median / size
        text = f"{trim_sigfig(value, m.significant_figures):g}" if self._trim else f"{value:.1f}"
        return f"(!) {text}" if self._highlight and m.has_warnings else text


_VALGRIND = "instructions are counted by Valgrind around PyTorch's C++ library; use Timer.blocked_autorange"
CallgrindStats, CopyIfCallgrind, FunctionCount, FunctionCounts = (
    refused_class(f"utils.benchmark.{name}", _VALGRIND) for name in (
        "CallgrindStats", "CopyIfCallgrind", "FunctionCount", "FunctionCounts"))
_FUZZ = "tensors of random shapes are made by torch.testing.make_tensor"
FuzzedParameter, FuzzedTensor, FuzzedSparseTensor, Fuzzer, ParameterAlias = (
    refused_class(f"utils.benchmark.{name}", _FUZZ) for name in (
        "FuzzedParameter", "FuzzedTensor", "FuzzedSparseTensor", "Fuzzer", "ParameterAlias"))
