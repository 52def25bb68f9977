"""Stores: tables of byte strings that processes share to find each other. Those in memory are here."""

from __future__ import annotations

import threading
import time
from collections import deque
from datetime import timedelta

from .errors import DistStoreError, QueueEmptyError

__all__ = ["HashStore", "PrefixStore", "Store"]

DEFAULT_TIMEOUT = timedelta(seconds=300)


def as_bytes(value, what="value") -> bytes:
    """A key or value as bytes.

    Raises:
        TypeError: it is neither a string nor bytes.
    """
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    raise TypeError(f"set(): incompatible function arguments: the {what} of a store must be a str or bytes, not "
                    f"{type(value).__name__}")


def as_count(value: bytes) -> int:
    """A counter's value, the decimal number that the bytes say.

    Raises:
        ValueError: they say none.
    """
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"stoll: the key of a counter holds {value[:40]!r}, which is no number") from None


def milliseconds(timeout: timedelta) -> int:
    return round(timeout.total_seconds() * 1000)


def timed_out(timeout: timedelta, keys) -> DistStoreError:
    """The error of a wait for keys."""
    return DistStoreError(f"wait timeout after {milliseconds(timeout)}ms, keys: {', '.join('/' + k for k in keys)}")


class Store:
    """A table from strings to byte strings that all processes of a job see.

    Strings that are given as values are kept as UTF-8; values are returned as bytes. ``timeout`` is how long
    :meth:`get` and :meth:`wait` wait for a missing key.
    """

    def __init__(self) -> None:
        self._timeout = DEFAULT_TIMEOUT

    @property
    def timeout(self) -> timedelta:
        """How long missing keys are waited for."""
        return self._timeout

    def set_timeout(self, timeout: timedelta) -> None:
        """Sets how long missing keys are waited for."""
        self._timeout = timeout

    def set(self, key: str, value) -> None:
        """Stores a value."""
        raise NotImplementedError(f"{type(self).__name__} has no set()")

    def get(self, key: str) -> bytes:
        """The value of a key, which is waited for.

        Raises:
            DistStoreError: it did not appear in time.
        """
        raise NotImplementedError(f"{type(self).__name__} has no get()")

    def add(self, key: str, amount: int) -> int:
        """Adds to the counter of a key, 0 at first, and returns the sum.

        Raises:
            ValueError: the key holds something that is no number.
        """
        raise NotImplementedError(f"{type(self).__name__} has no add()")

    def compare_set(self, key: str, expected_value, desired_value) -> bytes:
        """Stores ``desired_value`` if the key holds ``expected_value``, or is missing and ``expected_value`` is empty;
        returns what it holds then, or ``expected_value`` if it is missing still."""
        raise NotImplementedError(f"{type(self).__name__} has no compare_set()")

    def delete_key(self, key: str) -> bool:
        """Removes a key; says whether it was there."""
        raise NotImplementedError(f"{type(self).__name__} has no delete_key()")

    def num_keys(self) -> int:
        """How many keys there are, the store's own included."""
        return len(self.list_keys())

    def list_keys(self) -> list[str]:
        """All keys."""
        raise NotImplementedError(f"{type(self).__name__} has no list_keys()")

    def check(self, keys) -> bool:
        """Whether all of the keys are there."""
        raise NotImplementedError(f"{type(self).__name__} has no check()")

    def wait(self, keys, timeout: timedelta | None = None) -> None:
        """Waits until all of the keys are there.

        Raises:
            DistStoreError: they are not, in time.
        """
        raise NotImplementedError(f"{type(self).__name__} has no wait()")

    def append(self, key: str, value) -> None:
        """Appends to the value of a key, empty at first."""
        raise NotImplementedError(f"{type(self).__name__} has no append()")

    def multi_get(self, keys) -> list[bytes]:
        """The values of several keys, which are waited for."""
        return [self.get(key) for key in keys]

    def multi_set(self, keys, values) -> None:
        """Stores several values.

        Raises:
            ValueError: there are not as many values as keys.
        """
        for key, value in zip(keys, values, strict=True):
            self.set(key, value)

    def queue_push(self, key: str, value) -> None:
        """Puts a value at the end of a queue."""
        raise NotImplementedError("queue support is not implemented.")

    def queue_pop(self, key: str, block: bool = True) -> bytes:
        """Takes the first value of a queue, which is waited for with ``block``.

        Raises:
            QueueEmptyError: there is none, and ``block`` is not set.
            DistStoreError: none came in time.
        """
        raise NotImplementedError("queue support is not implemented.")

    def queue_len(self, key: str) -> int:
        """How many values wait in a queue."""
        raise NotImplementedError("queue support is not implemented.")

    def barrier(self, key: str, world_size: int, timeout: timedelta | None = None) -> None:
        """Waits until ``world_size`` callers have called it with this key.

        Raises:
            DistStoreError: they have not, in time.
        """
        if self.add(key, 1) == world_size:
            self.set(f"{key}/done", b"1")
        self.wait([f"{key}/done"], timeout or self._timeout)

    def has_extended_api(self) -> bool:
        """Whether ``append``, ``multi_get`` and ``multi_set`` are the store's own."""
        return False

    def clone(self) -> Store:
        """Another handle of the same table."""
        return self


class HashStore(Store):
    """A store in memory, for the threads of one process."""

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[str, bytes] = {}
        self._queues: dict[str, deque] = {}
        self._changed = threading.Condition()

    def set(self, key, value):
        value = as_bytes(value)
        with self._changed:
            self._values[key] = value
            self._changed.notify_all()

    def get(self, key):
        self.wait([key])
        with self._changed:
            return self._values[key]

    def add(self, key, amount):
        with self._changed:
            total = as_count(self._values.get(key, b"0")) + amount
            self._values[key] = str(total).encode()
            self._changed.notify_all()
            return total

    def compare_set(self, key, expected_value, desired_value):
        expected, desired = as_bytes(expected_value), as_bytes(desired_value)
        with self._changed:
            held = self._values.get(key)
            if held is None and expected:
                return expected
            if held is None or held == expected:
                self._values[key] = held = desired
                self._changed.notify_all()
            return held

    def delete_key(self, key):
        with self._changed:
            return self._values.pop(key, None) is not None

    def list_keys(self):
        with self._changed:
            return list(self._values)

    def check(self, keys):
        with self._changed:
            return all(key in self._values for key in keys)

    def _wait_until(self, ready, timeout: timedelta, keys):
        """Waits, with the lock held, for a predicate."""
        deadline = time.monotonic() + timeout.total_seconds()
        while not ready():
            left = deadline - time.monotonic()
            if left <= 0:
                raise timed_out(timeout, keys())
            self._changed.wait(left)

    def wait(self, keys, timeout=None):
        with self._changed:
            self._wait_until(lambda: all(key in self._values for key in keys), timeout or self._timeout,
                             lambda: [key for key in keys if key not in self._values])

    def append(self, key, value):
        value = as_bytes(value)
        with self._changed:
            self._values[key] = self._values.get(key, b"") + value
            self._changed.notify_all()

    def queue_push(self, key, value):
        value = as_bytes(value)
        with self._changed:
            self._queues.setdefault(key, deque()).append(value)
            self._changed.notify_all()

    def queue_pop(self, key, block=True):
        with self._changed:
            if not block and not self._queues.get(key):
                raise QueueEmptyError("queue is empty")
            self._wait_until(lambda: self._queues.get(key), self._timeout, lambda: [key])
            return self._queues[key].popleft()

    def queue_len(self, key):
        with self._changed:
            return len(self._queues.get(key, ()))

    def has_extended_api(self):
        return True


class PrefixStore(Store):
    """A part of another store: its keys have ``prefix/`` before them."""

    def __init__(self, prefix: str, store: Store) -> None:
        super().__init__()
        self._prefix, self._store = prefix, store

    @property
    def underlying_store(self) -> Store:
        """The other store."""
        return self._store

    @property
    def _underlying_non_prefix_store(self) -> Store:
        """The other store, behind all prefixes."""
        return getattr(self._store, "_underlying_non_prefix_store", self._store)

    @property
    def timeout(self):
        return self._store.timeout

    def set_timeout(self, timeout):
        self._store.set_timeout(timeout)

    def _key(self, key):
        return f"{self._prefix}/{key}"

    def set(self, key, value):
        self._store.set(self._key(key), value)

    def get(self, key):
        return self._store.get(self._key(key))

    def add(self, key, amount):
        return self._store.add(self._key(key), amount)

    def compare_set(self, key, expected_value, desired_value):
        return self._store.compare_set(self._key(key), expected_value, desired_value)

    def delete_key(self, key):
        return self._store.delete_key(self._key(key))

    def num_keys(self):
        return self._store.num_keys()

    def list_keys(self):
        start = self._key("")
        return [key[len(start):] for key in self._store.list_keys() if key.startswith(start)]

    def check(self, keys):
        return self._store.check([self._key(key) for key in keys])

    def wait(self, keys, timeout=None):
        self._store.wait([self._key(key) for key in keys], timeout or self.timeout)

    def append(self, key, value):
        self._store.append(self._key(key), value)

    def multi_get(self, keys):
        return self._store.multi_get([self._key(key) for key in keys])

    def multi_set(self, keys, values):
        self._store.multi_set([self._key(key) for key in keys], values)

    def queue_push(self, key, value):
        self._store.queue_push(self._key(key), value)

    def queue_pop(self, key, block=True):
        return self._store.queue_pop(self._key(key), block)

    def queue_len(self, key):
        return self._store.queue_len(self._key(key))

    def barrier(self, key, world_size, timeout=None):
        self._store.barrier(self._key(key), world_size, timeout or self.timeout)

    def has_extended_api(self):
        return self._store.has_extended_api()

    def clone(self):
        return PrefixStore(self._prefix, self._store.clone())
