"""Values that are there later; names of ``torch.futures``."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Future", "collect_all", "wait_all"]

T = TypeVar("T")


class Future(Generic[T]):
    """A value that is set once, on any thread, and waited for on any.

    Args:
        devices: devices on which values may live; kept, as results are synchronised by their backends.
    """

    def __init__(self, *, devices=None):
        self._condition = threading.Condition()
        self._done, self._value, self._error = False, None, None
        self._callbacks: list[Callable] = []
        self._devices = list(devices or ())

    def done(self) -> bool:
        """Whether it has a value or an error."""
        return self._done

    def wait(self) -> T:
        """The value, waited for.

        Raises:
            Exception: the one it was set to.
        """
        with self._condition:
            while not self._done:
                self._condition.wait()
        return self.value()

    def value(self) -> T:
        """The value, not waited for.

        Raises:
            RuntimeError: it is not there yet.
            Exception: the one it was set to.
        """
        if not self._done:
            raise RuntimeError("Future's value is not set yet; wait() waits for it")
        if self._error is not None:
            raise self._error
        return self._value

    def _finish(self, value, error):
        with self._condition:
            if self._done:
                raise RuntimeError("Future can only be marked completed once: it already has a "
                                   + ("value" if self._error is None else "error"))
            self._value, self._error, self._done = value, error, True
            self._condition.notify_all()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def set_result(self, result: T) -> None:
        """Sets the value and runs what waits for it.

        Raises:
            RuntimeError: it was set before.
        """
        self._finish(result, None)

    def set_exception(self, result) -> None:
        """Sets an exception, which :meth:`wait` and :meth:`value` raise.

        Raises:
            TypeError: no exception.
        """
        if not isinstance(result, Exception):
            raise TypeError(f"{result} is of type {type(result)}, not an Exception.")
        self._finish(None, result)

    def then(self, callback: Callable[[Future[T]], Any]) -> Future:
        """A future of ``callback(self)``, which runs when this one is done; what it raises, the new one raises."""
        following: Future = Future(devices=self._devices)

        def run(future):
            try:
                result = callback(future)
            except Exception as error:
                following.set_exception(error)
            else:
                following.set_result(result)

        self.add_done_callback(run)
        return following

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Runs ``callback(self)`` when it is done: at once, if it is."""
        with self._condition:
            if not self._done:
                self._callbacks.append(callback)
                return
        callback(self)


def collect_all(futures: list[Future]) -> Future:
    """A future of the list of futures, done when all of them are."""
    futures = list(futures)
    together: Future = Future()
    left, lock = len(futures), threading.Lock()
    if not futures:
        together.set_result([])

    def one(_):
        nonlocal left
        with lock:
            left -= 1
            last = not left
        if last:
            together.set_result(futures)

    for future in futures:
        future.add_done_callback(one)
    return together


def wait_all(futures: list[Future]) -> list:
    """The values of all futures; raises the first error in their order."""
    return [future.wait() for future in collect_all(futures).wait()]
