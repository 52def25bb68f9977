"""The worker processes of one iteration over a data loader, seen from the main process."""

from __future__ import annotations

import contextlib
import os
import time
from multiprocessing.connection import wait

from . import transport
from .worker import worker_loop

# Seconds that a worker is given to finish what it is doing before it is terminated.
_GRACE = 5.0


class WorkerPool:
    """Worker processes, each with a pipe of its own: the death of one cannot block the others.

    Args:
        context: the multiprocessing context that starts the processes.
        make_fetcher: a picklable function from a dataset to a fetcher.
        init_fn: called in each worker with its number, after seeding.
    """

    def __init__(self, context, count, dataset, make_fetcher, base_seed, init_fn):
        self._owner = os.getpid()
        self._connections, self._processes = [], []
        forked = context.get_start_method() == "fork"
        dataset = transport.for_workers(dataset)
        try:
            for i in range(count):
                ours, theirs = context.Pipe(duplex=True)
                self._connections.append(ours)
                process = context.Process(
                    target=worker_loop, daemon=True,
                    args=(make_fetcher, dataset, theirs, list(self._connections) if forked else [], base_seed, i, count,
                          init_fn, self._owner if forked else None))
                process.start()
                self._processes.append(process)
                theirs.close()
        except BaseException:
            self.shutdown(grace=0.0)
            raise
        self._open = set(range(count))

    def send(self, worker: int, request) -> None:
        """Gives a worker a request; that it is dead shows when its answer is waited for."""
        with contextlib.suppress(OSError):
            self._connections[worker].send(request)

    def receive(self, timeout: float):
        """The next answer ``(worker, number, status, object)``; waits ``timeout`` seconds, or for ever if that is 0.

        Raises:
            RuntimeError: a worker died, or no answer came in time.
        """
        deadline = time.monotonic() + timeout if timeout > 0 else None
        if not self._open:
            raise RuntimeError("the workers of this DataLoader have ended; iterate over it again")
        by_connection = {self._connections[i]: i for i in self._open}
        sentinels = {self._processes[i].sentinel: i for i in self._open}
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = wait([*by_connection, *sentinels], left)
        if not ready:
            self.shutdown(grace=0.0)
            raise RuntimeError(f"DataLoader timed out after {timeout:g} seconds")
        # What a worker sent before its death still counts: pipes are looked at before sentinels.
        for source in ready:
            worker = by_connection.get(source)
            if worker is None:
                continue
            try:
                number, status = source.recv()
                return worker, number, status, transport.receive(source)
            except (EOFError, OSError) as error:
                raise self._dead([worker]) from error
        raise self._dead([sentinels[s] for s in ready])

    def _dead(self, workers):
        for i in workers:
            self._processes[i].join(1.0)  # its exit code may come after the end of its pipe
        names = ", ".join(str(self._processes[i].pid) for i in workers)
        codes = ", ".join(str(self._processes[i].exitcode) for i in workers)
        self.shutdown(grace=0.0)
        return RuntimeError(f"DataLoader worker (pid(s) {names}) exited unexpectedly (exit code {codes}; -9 is how the "
                            "system ends a process when memory runs out)")

    def retire(self, worker: int) -> None:
        """Lets one worker end; nothing more is expected from it."""
        self.send(worker, None)
        self._open.discard(worker)

    def shutdown(self, grace: float = _GRACE) -> None:
        """Ends all workers; after ``grace`` seconds by force."""
        if self._owner != os.getpid():
            return  # a copy in a forked process
        for i, connection in enumerate(self._connections):
            self.send(i, None)
            connection.close()
        deadline = time.monotonic() + grace
        for process in self._processes:
            process.join(max(0.0, deadline - time.monotonic()))
        for end in ("terminate", "kill"):
            alive = [p for p in self._processes if p.is_alive()]
            for process in alive:
                getattr(process, end)()
            for process in alive:
                process.join(2.0)
        self._open = set()
        self._connections, self._processes = [], []

    def pids(self) -> list[int]:
        """Process numbers of the workers."""
        return [p.pid for p in self._processes]
