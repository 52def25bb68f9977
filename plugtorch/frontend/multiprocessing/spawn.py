"""Starting processes and waiting for them, with the error of the first that fails."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings

__all__ = ["ProcessContext", "ProcessExitedException", "ProcessException", "ProcessRaisedException", "SpawnContext", "spawn",
           "start_processes"]

_GRACE = 30.0


class ProcessException(Exception):
    """A process failed.

    Attributes:
        msg: what is known.
        error_index: which process.
        error_pid, pid: its number in the system.
    """

    def __init__(self, msg: str, error_index: int, pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, pid

    @property
    def error_pid(self) -> int:
        return self.pid

    def __reduce__(self):
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """A process failed with an exception; the message has its traceback."""

    def __init__(self, msg: str, error_index: int, error_pid: int) -> None:
        super().__init__(msg, error_index, error_pid)


class ProcessExitedException(ProcessException):
    """A process ended with an exit code other than 0, or by a signal."""

    def __init__(self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self):
        return type(self), (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)


def _wrap(fn, i, args, error_file):
    """What each process does."""
    try:
        fn(i, *args)
    except KeyboardInterrupt:
        pass  # the parent gets it, too, and tells
    except Exception:
        with open(error_file, "w", encoding="utf-8") as file:
            file.write(traceback.format_exc())
        sys.exit(1)


class ProcessContext:
    """Processes that were started together."""

    def __init__(self, processes, error_files) -> None:
        self.processes, self.error_files = processes, error_files
        self.sentinels = {process.sentinel: i for i, process in enumerate(processes)}

    def pids(self) -> list[int]:
        """Their numbers in the system."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Waits until one or more have ended; True when all have. If one failed, the others are ended.

        Args:
            timeout: seconds to wait; None is without end.
            grace_period: seconds that the others get between the request to end and their end by force.

        Raises:
            ProcessRaisedException: one failed with an exception.
            ProcessExitedException: one ended otherwise.
        """
        if not self.sentinels:
            self._remove_files()
            return True
        failed = None
        for sentinel in multiprocessing.connection.wait(self.sentinels.keys(), timeout=timeout):
            i = self.sentinels.pop(sentinel)
            self.processes[i].join()
            if self.processes[i].exitcode != 0 and failed is None:
                failed = i
        if failed is None:
            if not self.sentinels:
                self._remove_files()
            return not self.sentinels
        self._end(grace_period)
        raise self._error(failed)

    def _end(self, grace):
        deadline = time.monotonic() + (_GRACE if grace is None else grace)
        for process in self.processes:
            if process.is_alive():
                process.terminate()
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                warnings.warn(f"process {process.pid} did not end when asked to; it is killed", stacklevel=4)
                process.kill()
            process.join()

    def _remove_files(self):
        for name in self.error_files:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)

    def _error(self, i):
        process = self.processes[i]
        with contextlib.suppress(FileNotFoundError), open(self.error_files[i], encoding="utf-8") as file:
            text = file.read()
            if text:
                self._remove_files()
                return ProcessRaisedException(f"\n\n-- Process {i} terminated with the following error:\n{text}\n", i,
                                              process.pid)
        self._remove_files()
        code = process.exitcode
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"<Unknown signal {-code}>"
            return ProcessExitedException(f"process {i} terminated with signal {name}", i, process.pid, code, name)
        return ProcessExitedException(f"process {i} terminated with exit code {code}", i, process.pid, code)


class SpawnContext(ProcessContext):
    """Processes that were started by :func:`spawn`."""


def start_processes(fn, args=(), nprocs: int = 1, join: bool = True, daemon: bool = False, start_method: str = "spawn"):
    """Starts ``nprocs`` processes that call ``fn(i, *args)``.

    Args:
        fn: a function that can be imported from its module (with ``spawn``).
        join: wait for all; otherwise a :class:`ProcessContext` is returned.
        daemon: end them with this process.
        start_method: ``"spawn"``, ``"fork"`` or ``"forkserver"``.

    Raises:
        ProcessRaisedException, ProcessExitedException: one failed.
    """
    context = multiprocessing.get_context(start_method)
    processes, files = [], []
    for i in range(nprocs):
        handle, name = tempfile.mkstemp(prefix="plugtorch-process-", suffix=".txt")
        os.close(handle)
        os.unlink(name)  # a process that fails makes it again
        process = context.Process(target=_wrap, args=(fn, i, args, name), daemon=daemon)
        process.start()
        processes.append(process)
        files.append(name)
    started = SpawnContext(processes, files)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(fn, args=(), nprocs: int = 1, join: bool = True, daemon: bool = False, start_method: str = "spawn"):
    """:func:`start_processes` with fresh interpreters.

    Raises:
        ProcessRaisedException, ProcessExitedException: one failed.
    """
    if start_method != "spawn":
        warnings.warn("This method only supports start_method=spawn (got: "
                      f"{start_method}).\nTo use a different start_method use:\n\t\t"
                      " torch.multiprocessing.start_processes(...)", FutureWarning, stacklevel=2)
    return start_processes(fn, args, nprocs, join, daemon, start_method="spawn")
