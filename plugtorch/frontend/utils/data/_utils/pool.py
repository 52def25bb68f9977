"""The worker processes of one iteration over a data loader, seen from the main process."""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import signal
import socket
import time
import warnings
from multiprocessing import util
from multiprocessing.connection import wait

from .channel import Channel
from .worker import worker_loop

# Seconds that a worker is given to finish what it is doing before it is asked to end by SIGTERM, and from then until
# SIGKILL.
_GRACE, _LAST_GRACE = 5.0, 1.0
# Seconds between two looks at whether quiet workers live. Their sentinels and the ends of their sockets tell at once, unless
# another process has inherited a copy of them.
_LOOK = 1.0

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


def _ended(process) -> bool:
    """Whether a process is over and its exit code known, or taken from the system by another part of the program."""
    if not process.is_alive():
        return True
    if os.name != "posix":
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    return False


def _join(processes, seconds):
    """Waits for processes; those that still run then."""
    deadline = time.monotonic() + seconds
    while running := [p for p in processes if not _ended(p)]:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        if wait([p.sentinel for p in running], min(left, _LOOK / 4)):
            time.sleep(0.001)  # the files of a process are closed shortly before its end
    return running


class _Crew:
    """The processes and channels of a pool, apart from the pool: they are ended when the pool is collected as garbage."""

    def __init__(self):
        self.channels, self.processes, self.grace = [], [], _GRACE

    def end(self):
        """Ends all workers; after ``grace`` seconds by force. A second call does nothing."""
        processes = self.processes
        running = processes
        try:
            for channel in self.channels:
                channel.close()
            running = _join(processes, 0.0 if util.is_exiting() else self.grace)
            for process in running:
                process.terminate()
            running = _join(running, _LAST_GRACE)
        finally:  # also where this was interrupted
            for process in running:
                process.kill()
            _join(running, _LAST_GRACE)
            for process in processes:
                with contextlib.suppress(ValueError):  # not even SIGKILL ended it yet
                    process.close()
            self.channels, self.processes = [], []


class WorkerPool:
    """Worker processes, each with a channel of its own: the death of one cannot block the others.

    Args:
        context: the multiprocessing context that starts the processes.
        make_fetcher: a picklable function from a dataset to a fetcher.
        settings: the last arguments of :func:`.worker.worker_loop`.
    """

    def __init__(self, context, count, dataset, make_fetcher, *settings):
        import threadpoolctl  # noqa: F401  (workers need it: a fork must not find it half imported by another thread)

        self._owner = os.getpid()
        self._crew = crew = _Crew()
        self._open = set()
        self._selector = _Selector()
        self._looked = time.monotonic()
        self._end = util.Finalize(self, crew.end, exitpriority=10)
        forked = context.get_start_method() == "fork"
        try:
            for i in range(count):
                ours, theirs = socket.socketpair()
                crew.channels.append(Channel(ours))
                process = context.Process(
                    target=worker_loop, daemon=True,
                    args=(make_fetcher, dataset, theirs, list(crew.channels) if forked else [],
                          self._owner if forked else None, i, count, *settings))
                with theirs:
                    _start(process)
                crew.processes.append(process)
                self._selector.register(crew.channels[i], _READ, i)
                if os.name == "posix":
                    self._selector.register(process.sentinel, _READ, i)
                self._open.add(i)
        except BaseException:
            self.shutdown(grace=0.0)
            raise

    def send(self, worker: int, number: int, kind: int, parts: list) -> None:
        """Gives a worker a request; that it is dead shows when its answer is waited for."""
        channel = self._crew.channels[worker]
        channel.send(number, kind, parts)
        self._watch(worker, channel)

    def _watch(self, worker, channel):
        self._selector.modify(channel, _READ | _WRITE if channel.flush() else _READ, worker)

    def receive(self, timeout: float):
        """The next answer ``(worker, number, kind, parts)``, or None where none came in time.

        Args:
            timeout: seconds to wait; 0 waits for ever.

        Raises:
            RuntimeError: a worker died.
        """
        deadline = time.monotonic() + timeout if timeout > 0 else float("inf")
        while True:
            left = deadline - time.monotonic()
            silent = set()
            for key, events in self._selector.select(max(0.0, min(left, _LOOK))):
                worker = key.data
                if isinstance(key.fileobj, int):
                    silent.add(worker)
                    continue
                if events & _WRITE:
                    self._watch(worker, key.fileobj)
                if events & _READ and (answer := self._read(worker)):
                    return answer
            now = time.monotonic()
            if now > min(deadline, self._looked + _LOOK):
                self._looked = now
                silent.update(i for i in self._open if _ended(self._crew.processes[i]))
            for worker in silent:  # what a worker sent before its death still counts
                if answer := self._read(worker):
                    return answer
            if silent:
                self._fail(sorted(silent))
            if left <= 0:
                self._crew.grace = 0.0
                return None

    def _read(self, worker):
        try:
            message = self._crew.channels[worker].read()
        except EOFError:
            self._fail([worker])
        return message and (worker, *message)

    def _fail(self, workers):
        """Ends the pool and raises the error of workers that ended, with the reason, where it is known, as its cause."""
        ended = [self._crew.processes[i] for i in workers]
        _join(ended, _LOOK)  # an exit code may come after the end of the channel
        pids = ", ".join(str(p.pid) for p in ended)
        cause = next(filter(None, (_cause(p.pid, p.exitcode) for p in ended)), None)
        self.shutdown(grace=0.0)
        raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly") from cause

    def retire(self, worker: int) -> None:
        """Lets one worker end; nothing more is expected from it."""
        self._open.discard(worker)
        self._selector.unregister(self._crew.channels[worker])
        if os.name == "posix":
            self._selector.unregister(self._crew.processes[worker].sentinel)
        self._crew.channels[worker].end_of_requests()

    def shutdown(self, grace: float | None = None) -> None:
        """Ends all workers; after ``grace`` seconds by force."""
        if self._owner != os.getpid():
            return  # a copy in a forked process
        if grace is not None:
            self._crew.grace = grace
        self._selector.close()
        self._open = set()
        self._crew.end()
        self._end.cancel()

    @property
    def processes(self) -> list:
        """The processes of the workers; none when they were ended."""
        return self._crew.processes


def _start(process):
    try:
        process.start()
    except (TypeError, AttributeError, pickle.PicklingError):
        warnings.warn(
            "Got pickle error when attempting to start a worker Process. This might be because the worker Process "
            "arguments are not picklable. Python 3.14+ changed the multiprocessing start method in non-Mac POSIX platforms "
            "to 'forkserver', which requires the worker Process arguments to be picklable. You can also try "
            "multiprocessing.set_start_method('fork').", stacklevel=6)
        raise


def _cause(pid, code):
    """What is known of the end of a process."""
    if code is None or code == 0:
        return None
    if code > 0:
        return RuntimeError(f"DataLoader worker (pid {pid}) exited unexpectedly with exit code {code}. Details are lost due "
                            "to multiprocessing. Rerunning with num_workers=0 may give better error trace.")
    error = RuntimeError(f"DataLoader worker (pid {pid}) is killed by signal: {signal.strsignal(-code)}. ")
    if code == -signal.SIGKILL:
        error.add_note("The system ends processes so when memory runs out.")
    return error
