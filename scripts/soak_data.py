"""Epochs of a data loader whose workers are killed or stopped at random moments.

    python scripts/soak_data.py [--seconds 300] [--samples 50000] [--workers 4] [--methods fork] [--seed 0]

Every round draws the options of a loader and a signal, which a thread sends to a random worker at a random moment. The
loss must be told as RuntimeError within ``--limit`` seconds (of a stopped worker: by the loader's timeout), unless the
worker had given everything already; what was given until then must be right; and the same loader, iterated again, must give
every sample once. Afterwards no process, zombie or open file may be left, and memory must not have grown by more than
``--allow`` MiB since the first tenth. Prints a table; exits with 1 where any of that fails. A hang ends the script with the
stacks of all threads. It needs Linux.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import faulthandler
import gc
import itertools
import os
import random
import signal
import statistics
import sys
import threading
import time
from multiprocessing import forkserver, resource_tracker

import numpy as np
from soak import resident

SIGNALS = {"SIGKILL": 6, "SIGTERM": 2, "SIGSTOP": 1, "none": 1}  # and how often each is drawn


class Samples:
    """``n`` samples of ``width`` numbers, all of them the index."""

    def __init__(self, n: int, width: int) -> None:
        self.n, self.width = n, width

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> np.ndarray:
        return np.full(self.width, i, np.float32)


@dataclasses.dataclass
class Kind:
    """What the rounds with one signal came to."""

    told: int = 0  # rounds in which the loss was told
    whole: int = 0  # rounds in which everything had been given before
    seconds: list[float] = dataclasses.field(default_factory=list)  # from the signal to the error


class Attack:
    """A thread that sends a signal to one of some processes after a time; ``sent`` is when that was, or None."""

    def __init__(self, processes, number, delay: float) -> None:
        self.sent, self._number, self._delay = None, number, delay
        self._enough = threading.Event()
        self._victim = os.pidfd_open(random.choice(processes).pid)  # stays that process, whoever gets its number later
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        if not self._enough.wait(self._delay):
            self.sent = time.monotonic()
            try:
                signal.pidfd_send_signal(self._victim, self._number)
            except ProcessLookupError:
                self.sent = None

    def over(self) -> None:
        """Sends no more."""
        self._enough.set()
        self._thread.join()
        os.close(self._victim)


def check_order(given: list[int], in_order: bool, whole: int | None = None) -> str | None:
    """What is wrong with the samples given; ``whole``: how many there must be."""
    if whole is not None and len(given) != whole:
        return f"{len(given)} samples of {whole}"
    if len(set(given)) != len(given):
        return "a sample was given twice"
    if in_order and given != list(range(len(given))):
        return "samples out of order"
    return None


def consume(iterator, given: list[int]) -> None:
    """Appends the samples of an epoch."""
    for batch in iterator:
        rows = batch.numpy()
        if (rows != rows[:, :1]).any():
            raise ValueError("a batch is damaged")
        given.extend(rows[:, 0].astype(int).tolist())


def attacked_round(loader, number, delay: float, timeout: float, kind: Kind, limit: float) -> str | None:
    """One epoch under attack; what went wrong."""
    given, iterator = [], iter(loader)
    attack = None if number is None else Attack(iterator._workers, number, delay)
    error = None
    try:
        consume(iterator, given)
    except RuntimeError as caught:
        error = str(caught)
    finally:
        now = time.monotonic()
        if attack is not None:
            attack.over()
    if error is None:
        kind.whole += 1
        return check_order(given, loader.in_order, len(loader.dataset))
    if attack is None or attack.sent is None:
        return f"an error without a cause: {error}"
    kind.told += 1
    kind.seconds.append(now - attack.sent)
    expected = f"timed out after {timeout} seconds" if number == signal.SIGSTOP else "exited unexpectedly"
    if expected not in error:
        return f"another error: {error}"
    if now - attack.sent > limit + timeout:
        return f"told after {now - attack.sent:.1f} seconds"
    return check_order(given, loader.in_order)


def children() -> dict[int, str]:
    """State and name of every child process, zombies too, by number."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                name, _, rest = file.read().rpartition(")")
        except OSError:  # it ended in the meantime
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid():
            found[int(pid)] = f"{state} {name.partition('(')[2]}"
    return found


def open_files() -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd"))


def soak(DataLoader, *, seconds: float = 0.0, rounds: int = 0, samples: int = 50_000, workers: int = 4,  # noqa: N803
         methods=("fork",), timeout: float = 2.0, limit: float = 2.0, hang: float = 0.0, seed: int = 0):
    """Rounds for a time, or a number of them.

    Args:
        DataLoader: the class.
        timeout: of the loaders whose workers are stopped.
        limit: seconds in which a death must be told.
        hang: seconds after which a round ends the process.

    Returns:
        (by signal a :class:`Kind`, what failed, resident MiB after every round).
    """
    random.seed(seed)
    for server, needed in ((resource_tracker, {"spawn", "forkserver"}), (forkserver, {"forkserver"})):
        if needed.intersection(methods):
            server.ensure_running()  # a process that stays
    gc.collect()
    files, before, begin = open_files(), children(), time.monotonic()
    kinds, failures, sizes, epoch = collections.defaultdict(Kind), [], [], 0.2
    turns = itertools.islice(itertools.cycle(SIGNALS), rounds) if rounds else \
        iter(lambda: random.choices(list(SIGNALS), SIGNALS.values())[0], None)
    for n, name in enumerate(turns):
        if not rounds and time.monotonic() - begin > seconds:
            break
        if hang:
            faulthandler.dump_traceback_later(hang, exit=True)
        number = None if name == "none" else getattr(signal, name)
        late = timeout if name == "SIGSTOP" else 0
        options = {"batch_size": random.choice([20, 200, 2000]), "in_order": random.random() < 0.7,
                   "persistent_workers": random.random() < 0.5, "prefetch_factor": random.choice([1, 2, 4]),
                   "multiprocessing_context": random.choice(methods)}
        loader = DataLoader(Samples(samples, random.choice([1, 64, 500])), num_workers=workers, timeout=late, **options)
        kind, told = kinds[name], kinds[name].told
        wrong = attacked_round(loader, number, random.uniform(0, epoch), late, kind, limit)
        start = time.monotonic()
        if kind.told == told and number == signal.SIGSTOP and loader.persistent_workers:
            with contextlib.suppress(RuntimeError):  # of a worker stopped after it gave everything, the next epoch tells
                consume(loader, [])
        again = []
        try:
            consume(loader, again)
            wrong = wrong or check_order(again, loader.in_order, samples)
        except RuntimeError as error:
            wrong = wrong or f"iterated again: {error}"
        epoch = 0.8 * epoch + 0.2 * (time.monotonic() - start)
        if wrong:
            failures.append(f"round {n}, {name}, {options}: {wrong}")
        del loader
        sizes.append(resident())
    if hang:
        faulthandler.cancel_dump_traceback_later()
    gc.collect()
    if left := [f"{pid} {what}" for pid, what in children().items() if pid not in before]:
        failures.append(f"processes left: {', '.join(left)}")
    if open_files() > files:
        failures.append(f"files left open: {open_files() - files}")
    return kinds, failures, sizes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--methods", default="fork", help="start methods, with commas")
    parser.add_argument("--timeout", type=float, default=2.0, help="of loaders whose workers are stopped")
    parser.add_argument("--limit", type=float, default=2.0, help="seconds in which a death must be told")
    parser.add_argument("--allow", type=float, default=8.0, help="MiB that may be gained after the first tenth")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    from plugtorch.utils.data import DataLoader

    kinds, failures, sizes = soak(
        DataLoader, seconds=args.seconds, samples=args.samples, workers=args.workers, methods=args.methods.split(","),
        timeout=args.timeout, limit=args.limit, hang=90.0, seed=args.seed)
    tenth = sizes[len(sizes) // 10]
    if sizes[-1] - tenth > args.allow:
        failures.append(f"memory grew by {sizes[-1] - tenth:.1f} MiB")
    print(f"{len(sizes)} rounds of {args.samples} samples and as many epochs afterwards, {args.workers} workers, started by "
          f"{args.methods}; resident {tenth:.0f} MiB after a tenth, {sizes[-1]:.0f} MiB at the end")
    print(f"{'signal':8} {'rounds':>6} {'told':>6} {'whole':>6}   seconds to the error: min  median  max")
    for name in SIGNALS:
        k = kinds[name]
        times = f"{min(k.seconds):.3f}  {statistics.median(k.seconds):.3f}  {max(k.seconds):.3f}" if k.seconds else "-"
        print(f"{name:8} {k.told + k.whole:6} {k.told:6} {k.whole:6}   {times:>36}")
    for failure in failures:
        print("FAILED:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
