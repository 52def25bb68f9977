"""Workers side by side: each contender's steps in slices that take turns, so that a change in the machine's speed
meets all of them."""

from __future__ import annotations

import json
import math
import os
import re
import select
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep

ROOT = Path(__file__).resolve().parent.parent
_XLA_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


class Failed(Exception):
    """A worker could not answer; the message says why, in a line."""


def environment(threads):
    """The variables of a worker's process, which hold every library to ``threads`` threads."""
    env = dict(os.environ)
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
        env[f"{name}_NUM_THREADS"] = str(threads)
    env.setdefault("JAX_PLATFORMS", "cpu")
    if threads == 1:
        env["XLA_FLAGS"] = f"{env.get('XLA_FLAGS', '')} {_XLA_ONE_THREAD}".strip()
    return env


def hold_to_one_core(threads):
    """With one thread, this process and those that it starts stay on one core, the idlest, where the system knows how."""
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        before = _idle()
        sleep(0.5)
        idle = {core: ticks - before.get(core, 0) for core, ticks in _idle().items()}
        os.sched_setaffinity(0, {max(sorted(os.sched_getaffinity(0)), key=lambda core: idle.get(core, 0))})


def _idle():
    """Ticks that each core was idle for; empty where the system does not say."""
    try:
        lines = Path("/proc/stat").read_text().split("\n")
    except OSError:
        return {}
    return {int(line.split()[0][3:]): int(line.split()[4]) for line in lines if re.match(r"cpu\d", line)}


class Worker:
    """A contender's process."""

    def __init__(self, contender, threads):
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed with the worker)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", contender.name, str(threads)], cwd=ROOT, env=environment(threads),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)

    def ask(self, seconds, **request):
        """The answer to a request, as a dict.

        Raises:
            Failed: the worker said so, died, or took longer than ``seconds``, after which it is ended.
        """
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(self._last_words()) from None
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            self.process.kill()
            self.process.wait()
            raise Failed(f"no answer in {seconds:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise Failed(self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(" ".join(answer["error"].split()))
        return answer

    def _last_words(self):
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().split("\n")
        return f"the process ended with {code}: {' '.join(' '.join(lines[-3:]).split())}"

    @property
    def alive(self):
        return self.process.poll() is None

    def close(self):
        if self.alive:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.errors.close()


@dataclass
class Result:
    """One contender on one workload.

    Attributes:
        slices: seconds of a step, the mean of each slice.
        first: seconds of each of the first steps, which trace and compile where a library does.
        losses: of the first steps.
        error: why it failed, or "".
        agrees: the losses are those of the others.
    """

    slices: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    losses: list[float | None] = field(default_factory=list)
    error: str = ""
    agrees: bool = True

    @property
    def median(self):
        return statistics.median(self.slices) if self.slices else None

    @property
    def warm_up(self):
        """Seconds that the first steps took beyond as many of the later ones."""
        return max(0.0, sum(self.first) - len(self.first) * self.median) if self.slices else None


class Driver:
    """
    Args:
        contenders: who takes part.
        threads: of each process.
        rounds: slices of each contender and workload.
        length: seconds of a slice.
        limit: seconds in which a request must be answered.
        budget: seconds after which a contender gets no more slices of a workload.
    """

    def __init__(self, contenders, *, threads=1, rounds=15, length=0.15, limit=300.0, budget=40.0):
        self.contenders, self.threads, self.rounds = contenders, threads, rounds
        self.length, self.limit, self.budget = length, limit, budget
        self.workers = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers.values():
            worker.close()

    def _worker(self, contender):
        """Its process; a new one where it ended."""
        worker = self.workers.get(contender.name)
        if worker is None or not worker.alive:
            if worker is not None:
                worker.close()
            worker = self.workers[contender.name] = Worker(contender, self.threads)
        return worker

    def _load(self, contender, workload):
        try:
            answer = self._worker(contender).ask(self.limit, load=workload.name)
        except Failed as failure:
            return Result(error=str(failure))
        return Result(first=answer["seconds"], losses=answer["losses"])

    def measure(self, workload):
        """A :class:`Result` of every contender that has the workload, by name."""
        field_ = [c for c in self.contenders if c.enters(workload)]
        results = {c.name: self._load(c, workload) for c in field_}
        left = {c.name: self.budget for c in field_}
        for _ in range(self.rounds):
            for c in field_:
                result = results[c.name]
                if result.error or left[c.name] < 0:
                    continue
                begin = perf_counter()
                try:
                    answer = self.workers[c.name].ask(self.limit, slice=self.length)
                except Failed as failure:
                    result.error = str(failure)
                    continue
                left[c.name] -= perf_counter() - begin
                result.slices.append(answer["seconds"] / answer["steps"])
        compare(results, workload.random)
        return results


def compare(results, random, tolerance=1e-3):
    """Marks the results whose losses are not those of PyTorch, or of the first contender where it has none: not finite,
    or where no random draws are at work, more than ``tolerance`` apart, relatively."""
    able = {name: r for name, r in results.items() if not r.error}
    reference = able.get("torch") or next(iter(able.values()), None)
    for r in able.values():
        for loss, expected in zip(r.losses, reference.losses, strict=True):
            if loss is not None and not (math.isfinite(loss)
                                         and (random or math.isclose(loss, expected, rel_tol=tolerance))):
                r.agrees = False
