"""Operations under way, and their results."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from datetime import timedelta

from plugtorch.frontend.futures import Future

__all__ = ["Work"]


class Work:
    """A collective or transfer that was started with ``async_op=True``, or by ``isend`` or ``irecv``."""

    def __init__(self, result) -> None:
        self._result = result
        self._future = Future()

    def is_completed(self) -> bool:
        """Whether it has ended, well or not."""
        return self._future.done()

    def is_success(self) -> bool:
        """Whether it has ended well."""
        return self._future.done() and self._future._error is None

    def exception(self) -> BaseException | None:
        """Its error, if it has ended with one."""
        return self._future._error

    def wait(self, timeout: timedelta | None = None) -> bool:
        """Waits for the end; returns True.

        Raises:
            RuntimeError: the operation failed, or ``timeout`` is over.
        """
        seconds = None if timeout is None or not timeout else timeout.total_seconds()
        condition = self._future._condition
        with condition:
            in_time = condition.wait_for(self._future.done, seconds)
        if not in_time:
            raise RuntimeError(f"Operation timed out after {round(seconds * 1000)}ms")
        self._future.wait()
        return True

    synchronize = wait

    def result(self) -> list:
        """The tensors that it writes."""
        return self._result

    def get_future(self) -> Future:
        """A future of :meth:`result`."""
        return self._future

    def source_rank(self) -> int:
        """For a receive: who sent it.

        Raises:
            RuntimeError: this is no receive.
        """
        raise RuntimeError("sourceRank() may only be called on work objects that correspond to a recv or recv-from-any "
                           "call.")

    _source_rank = source_rank


class ReceiveWork(Work):
    """A message that is expected: the tensor is written when it is asked for the first time whether it has come."""

    def __init__(self, result, receive, finish: Callable, source_rank: Callable, timed_out: Callable, timeout: float):
        super().__init__(result)
        self._receive, self._finish, self._source = receive, finish, source_rank
        self._timed_out, self._timeout = timed_out, timeout
        self._once = threading.Lock()

    def _settle(self):
        with self._once:
            if self._future.done():
                return
            try:
                if self._receive.error is not None:
                    raise RuntimeError(self._receive.error)
                self._finish()
            except Exception as error:
                self._future.set_exception(error)
            else:
                self._future.set_result(self._result)

    def is_completed(self):
        if self._receive.done():
            self._settle()
        return super().is_completed()

    def wait(self, timeout=None):
        seconds = self._timeout if not timeout else timeout.total_seconds()
        if not self._receive.wait(seconds):
            self._timed_out(self._receive)
            raise RuntimeError(f"Timed out waiting {round(seconds * 1000)}ms for recv operation to complete")
        self._settle()
        return super().wait()

    synchronize = wait

    def get_future(self):
        if not self._future.done():
            threading.Thread(target=self._settle_later, name="plugtorch-receive", daemon=True).start()
        return self._future

    def _settle_later(self):
        if self._receive.wait(self._timeout):
            self._settle()
        else:
            self._future.set_exception(RuntimeError(
                f"Timed out waiting {round(self._timeout * 1000)}ms for recv operation to complete"))

    def source_rank(self):
        return self._source(self._receive)

    _source_rank = source_rank


class Runner:
    """A thread that does operations in the order in which they are given."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue = queue.SimpleQueue()
        self._thread = None

    def submit(self, work: Work, act: Callable[[], None]) -> None:
        """Does ``act`` later and tells ``work``."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="plugtorch-collectives", daemon=True)
            self._thread.start()
        self._queue.put((work, act))

    def _run(self):
        while True:
            item = self._queue.get()
            if item is None:
                return
            work, act = item
            try:
                act()
            except Exception as error:
                work._future.set_exception(error)
            else:
                work._future.set_result(work._result)
            del item, work, act

    def close(self) -> None:
        """Ends the thread when everything before is done."""
        if self._thread is not None:
            self._queue.put(None)
