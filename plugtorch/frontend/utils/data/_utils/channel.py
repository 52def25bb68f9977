"""Messages between a data loader and one of its workers, over a pair of sockets.

Both sides read and write piece by piece, and look up between the pieces: the loader's socket never waits, and a worker's
waits for a limited time. Whoever is stopped or killed in the middle of a message holds up nobody. A side ends the
conversation with ``shutdown``, which works on the connection itself, whatever processes have inherited copies of its ends.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import deque
from collections.abc import Iterator

# The number of the request that a message belongs to, what kind of message it is, and the number of its parts, followed
# by their sizes.
_HEAD = struct.Struct("!qII")
_SIZE = struct.Struct("!Q")


def framed(number: int, kind: int, parts: list) -> list:
    """The pieces of memory that make a message of parts of bytes, of which the first is not empty."""
    head = _HEAD.pack(number, kind, len(parts)) + b"".join(_SIZE.pack(len(p)) for p in parts)
    return [memoryview(head + bytes(parts[0])), *(memoryview(p) for p in parts[1:] if len(p))]


def _blank() -> Iterator:
    """Yields the memory to be filled next; returns the message ``(number, kind, parts)``."""
    head = bytearray(_HEAD.size)
    yield head
    number, kind, count = _HEAD.unpack(head)
    sizes = bytearray(count * _SIZE.size)
    yield sizes
    parts = []
    for (size,) in _SIZE.iter_unpack(sizes):
        part = bytearray(size)  # arrays on it can be written to
        if size:
            yield part
        parts.append(part)
    return number, kind, parts


class Reader:
    """Reads messages from a socket that does not wait, or waits for a limited time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._begin()

    def _begin(self):
        self._filling = _blank()
        self._left = memoryview(next(self._filling))

    def read(self):
        """The next message ``(number, kind, parts)``; None if the rest of it has yet to come.

        Raises:
            EOFError: the other side is gone.
        """
        while True:
            try:
                got = self._sock.recv_into(self._left)
            except (BlockingIOError, TimeoutError):
                return None
            except OSError as error:
                raise EOFError from error
            if not got:
                raise EOFError
            self._left = self._left[got:]
            if len(self._left):
                continue
            try:
                self._left = memoryview(next(self._filling))
            except StopIteration as end:
                self._begin()
                return end.value


class Channel(Reader):
    """The loader's end: nothing here waits."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._unsent: deque[memoryview] = deque()
        super().__init__(sock)

    def fileno(self) -> int:
        """The number of the socket."""
        return self._sock.fileno()

    def send(self, number: int, kind: int, parts: list) -> None:
        """Gives a message on its way; :meth:`flush` sends what the socket does not take now."""
        self._unsent.extend(framed(number, kind, parts))
        self.flush()

    def flush(self) -> bool:
        """Sends what the socket takes; whether something is left."""
        try:
            while self._unsent:
                piece = self._unsent[0]
                sent = self._sock.send(piece)
                if sent == len(piece):
                    self._unsent.popleft()
                else:
                    self._unsent[0] = piece[sent:]
        except BlockingIOError:
            return True
        except OSError:  # the reader is gone, which shows when its answer is waited for
            self._unsent.clear()
        return False

    def end_of_requests(self) -> None:
        """Nothing more will be sent, which the other side sees after what was sent."""
        self._shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Ends the conversation for both sides."""
        self._shutdown(socket.SHUT_RDWR)
        self.forget()

    def forget(self) -> None:
        """Closes this process's copy of the socket, which another one goes on using."""
        self._sock.close()

    def _shutdown(self, how):
        with contextlib.suppress(OSError):
            self._sock.shutdown(how)
