"""A store in a file that all processes can open: a log of changes, read on by each."""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import time
from datetime import timedelta

from .errors import DistStoreError
from .store import Store, as_bytes, as_count, timed_out

__all__ = ["FileStore"]

_RECORD = struct.Struct("<BII")
_SET, _DELETE = 0, 1
_POLL = 0.005
_FINISHED = "efcount/"


class FileStore(Store):
    """A store in a file, which may lie on a network file system whose locks work.

    Args:
        file_name: the file; made if it is missing. It must not be one of an earlier job.
        world_size: how many processes use it; the last that is done removes the file. -1 leaves it.

    Raises:
        DistStoreError: the system has no file locks.
        OSError: the file cannot be opened.
    """

    def __init__(self, file_name: str, world_size: int = -1) -> None:
        super().__init__()
        try:
            import fcntl
        except ImportError as error:
            raise DistStoreError("FileStore needs file locks (fcntl), which this system has not; use TCPStore") from error
        self._flock, self._exclusive, self._unlock = fcntl.flock, fcntl.LOCK_EX, fcntl.LOCK_UN
        self._path, self._world_size = os.fspath(file_name), world_size
        self._values: dict[str, bytes] = {}
        self._position = 0
        self._lock = threading.RLock()
        self._file = open(self._path, "a+b", buffering=0)  # noqa: SIM115  (closed by close())
        self.add(_FINISHED, 0)

    @property
    def path(self) -> str:
        """The file."""
        return self._path

    @contextlib.contextmanager
    def _locked(self):
        """The file for this process alone, and all of its changes read."""
        with self._lock:
            if self._file is None:
                raise DistStoreError(f"the FileStore on {self._path!r} is closed")
            self._flock(self._file, self._exclusive)
            try:
                self._read_on()
                yield
            finally:
                self._flock(self._file, self._unlock)

    def _read_on(self):
        self._file.seek(self._position)
        data = self._file.readall()
        at = 0
        while at < len(data):
            code, key_size, value_size = _RECORD.unpack_from(data, at)
            start = at + _RECORD.size
            key = data[start:start + key_size].decode()
            at = start + key_size + value_size
            if at > len(data):
                raise DistStoreError(f"the file {self._path!r} of a FileStore is damaged; remove it and start again")
            if code == _SET:
                self._values[key] = data[start + key_size:at]
            else:
                self._values.pop(key, None)
        self._position += len(data)

    def _write(self, code, key, value=b""):
        name = key.encode()
        record = memoryview(_RECORD.pack(code, len(name), len(value)) + name + value)
        while len(record):
            record = record[self._file.write(record):]
        self._read_on()

    def set(self, key, value):
        value = as_bytes(value)
        with self._locked():
            self._write(_SET, key, value)

    def get(self, key):
        self.wait([key])
        with self._lock:
            return self._values[key]

    def add(self, key, amount):
        with self._locked():
            total = as_count(self._values.get(key, b"0")) + amount
            self._write(_SET, key, str(total).encode())
            return total

    def compare_set(self, key, expected_value, desired_value):
        expected, desired = as_bytes(expected_value), as_bytes(desired_value)
        with self._locked():
            held = self._values.get(key)
            if held is None and expected:
                return expected
            if held is None or held == expected:
                self._write(_SET, key, desired)
                return desired
            return held

    def delete_key(self, key):
        with self._locked():
            found = key in self._values
            if found:
                self._write(_DELETE, key)
            return found

    def list_keys(self):
        with self._locked():
            return list(self._values)

    def check(self, keys):
        with self._locked():
            return all(key in self._values for key in keys)

    def wait(self, keys, timeout: timedelta | None = None):
        timeout = timeout or self._timeout
        deadline = time.monotonic() + timeout.total_seconds()
        while not self.check(keys):
            if time.monotonic() > deadline:
                raise timed_out(timeout, [key for key in keys if key not in self._values])
            time.sleep(_POLL)

    def append(self, key, value):
        value = as_bytes(value)
        with self._locked():
            self._write(_SET, key, self._values.get(key, b"") + value)

    def clone(self):
        return FileStore(self._path)

    def close(self) -> None:
        """This process is done with the store."""
        with self._lock:
            if self._file is None:
                return
            if self._world_size > 0 and self.add(_FINISHED, 1) >= self._world_size:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path)
            self._file.close()
            self._file = None

    def __del__(self):
        if getattr(self, "_file", None) is not None:
            with contextlib.suppress(Exception):
                self.close()
