"""Connections between all processes of a job, made when first used.

A connection carries messages one way: from the process that made it. Each incoming one has a thread that puts messages
where they were expected, or keeps them until somebody asks; so a sender never waits for the receiver's program, and
no order of calls can block both. A message is a header (stream, tag, kind, length) and the raw memory of an array.
Who connects proves with a secret from the job's store that it belongs to the job.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import socket
import struct
import threading
import time
from collections import deque

from .errors import DistNetworkError
from .framing import read_exactly
from .store import Store
from .tcp_store import connect, listen

_HEADER = struct.Struct("<QQBQ")
_GREETING = struct.Struct("<8s32sI")
_MAGIC = b"plugmesh"
_GREETING_SECONDS = 10.0
_TOGETHER = 1 << 16  # up to this length header and contents are sent as one packet
_LONGEST = 1 << 40
# Bytes that came before they were asked for; beyond it a sender waits.
_HELD_LIMIT = 1 << 30
_BUFFER = 1 << 16

POINT_TO_POINT = 0
KINDS = ("send", "barrier", "broadcast", "all_reduce", "reduce", "all_gather", "gather", "scatter", "reduce_scatter",
         "all_to_all", "monitored_barrier", "object")
KIND = {name: i for i, name in enumerate(KINDS)}


class Receive:
    """A message that is expected.

    Args:
        kind: of the operation it belongs to; another one is an error.
        view: writable bytes that it fills exactly, or None for a message of any length, which ends up in ``data``.
    """

    __slots__ = ("_gate", "data", "error", "kind", "source", "view")

    def __init__(self, kind, view):
        self.kind, self.view = kind, view
        self.data = self.error = self.source = None
        self._gate = threading.Lock()
        self._gate.acquire()

    def finish(self, error=None):
        self.error = error
        self._gate.release()

    def done(self) -> bool:
        """Whether it has come, or never will."""
        return not self._gate.locked()

    def wait(self, seconds: float) -> bool:
        """Waits; says whether it is done."""
        if not self._gate.acquire(timeout=max(seconds, 0.0)):
            return False
        self._gate.release()
        return True

    def problem(self, kind, length):
        """What is wrong with a message that came for this, or None."""
        if kind != self.kind:
            return (f"rank {self.source} called {KINDS[kind] if kind < len(KINDS) else kind} where this process called "
                    f"{KINDS[self.kind]}: all processes of a group must make the same calls in the same order")
        if self.view is not None and length != len(self.view):
            return (f"received {length} bytes from rank {self.source} where {len(self.view)} were expected in "
                    f"{KINDS[kind]}: shapes and dtypes must be the same on all processes")
        return None


class _Outgoing:
    """The connection to one process."""

    def __init__(self):
        self.lock = threading.Lock()
        self.socket = None


class Mesh:
    """The connections of one process to the others of its job.

    Args:
        store: by which the processes find each other; it is not used after this.
        timeout: seconds to wait for the others' addresses.

    Raises:
        DistError: the others did not come in time.
    """

    def __init__(self, store: Store, rank: int, size: int, timeout: float) -> None:
        self.rank, self.size = rank, size
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._expected: dict[tuple, deque] = {}  # (source, stream, tag) -> receives; source None: any
        self._held: dict[tuple, deque] = {}  # (source, stream, tag) -> (kind, data)
        self._held_bytes = 0
        self._gone: dict[int, str] = {}
        self._live = [0] * size  # connections from each process
        self._owner = os.getpid()
        self._outgoing = [_Outgoing() for _ in range(size)]
        self._incoming = set()
        self._closed = False
        host = _own_address(store)
        self._listener = listen(host, 0)
        if rank == 0:
            store.set("secret", os.urandom(32))
        store.set(f"address/{rank}", f"{host} {self._listener.getsockname()[1]}")
        self._secret = store.get("secret")
        self._addresses = [_address(a) for a in store.multi_get([f"address/{i}" for i in range(size)])]
        self._timeout = timeout
        threading.Thread(target=self._accept, name="plugtorch-mesh", daemon=True).start()

    # Incoming

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="plugtorch-mesh", daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                connection.settimeout(_GREETING_SECONDS)
                magic, secret, source = _GREETING.unpack(read_exactly(connection, _GREETING.size))
                if magic != _MAGIC or not hmac.compare_digest(secret, self._secret) or not source < self.size:
                    return
                connection.settimeout(None)
            except OSError:
                return
            with self._lock:
                if self._closed:
                    return
                self._incoming.add(connection)
                self._live[source] += 1
                self._gone.pop(source, None)
            reason = "Connection closed by peer"
            try:
                with connection.makefile("rb", buffering=_BUFFER) as stream:
                    while self._read_one(stream, source):
                        pass
            except (OSError, MemoryError, ValueError) as error:
                reason = f"Connection closed by peer ({error})"
            with self._lock:
                self._incoming.discard(connection)
            self._lose(source, reason)

    def _read_one(self, stream, source):
        """Reads a message; False at the end."""
        head = stream.read(_HEADER.size)
        if len(head) < _HEADER.size:
            return False
        group, tag, kind, length = _HEADER.unpack(head)
        if length > _LONGEST:
            raise ValueError(f"a message claims {length} bytes")
        key = (source, group, tag)
        with self._lock:
            receive = self._take_expected(key)
            while receive is None and self._held_bytes > _HELD_LIMIT and not self._closed:
                self._room.wait()
                receive = self._take_expected(key)
        problem = None
        if receive is not None:
            receive.source = source
            problem = receive.problem(kind, length)
            if problem is None and receive.view is not None:
                _fill(stream, receive.view)
                receive.finish()
                return True
        data = bytearray(length)
        _fill(stream, memoryview(data))
        if receive is None:
            with self._lock:
                receive = self._take_expected(key)
                if receive is None:
                    self._held.setdefault(key, deque()).append((kind, data))
                    self._held_bytes += length
                    return True
            receive.source = source
            problem = receive.problem(kind, length)
        _give(receive, data, problem)
        return True

    def _take_expected(self, key):
        """The receive that a message is for, or None; with the lock held."""
        for wanted in (key, (None, *key[1:])):
            waiting = self._expected.get(wanted)
            if waiting:
                receive = waiting.popleft()
                if not waiting:
                    del self._expected[wanted]
                return receive
        return None

    def _lose(self, source, reason):
        """A connection from a process has ended; if it was the only one, nothing more comes."""
        with self._lock:
            self._live[source] -= 1
            if self._live[source]:
                return
            self._gone[source] = reason
            lost = [r for key in list(self._expected) if key[0] == source for r in self._expected.pop(key)]
        for receive in lost:
            receive.finish(f"{reason}: rank {source}")

    def expect(self, source, group: int, tag: int, kind: int, view) -> Receive:
        """Says where the next message of a stream goes; ``source`` None is any process."""
        receive = Receive(kind, view)
        with self._lock:
            keys = [(source, group, tag)] if source is not None else [(s, group, tag) for s in range(self.size)]
            key = next((k for k in keys if k in self._held), None)
            if key is None:
                if source in self._gone:
                    receive.finish(f"{self._gone[source]}: rank {source}")
                elif self._closed:
                    receive.finish("the process group is destroyed")
                else:
                    self._expected.setdefault((source, group, tag), deque()).append(receive)
                    self._room.notify_all()
                return receive
            held = self._held[key]
            came_as, data = held.popleft()
            if not held:
                del self._held[key]
            self._held_bytes -= len(data)
            self._room.notify_all()
        receive.source = key[0]
        _give(receive, data, receive.problem(came_as, len(data)))
        return receive

    def forget(self, receive: Receive) -> None:
        """No longer expects a message."""
        with self._lock:
            for key, waiting in list(self._expected.items()):
                if receive in waiting:
                    waiting.remove(receive)
                    if not waiting:
                        del self._expected[key]

    # Outgoing

    def send(self, to: int, group: int, tag: int, kind: int, view, deadline: float) -> None:
        """Sends a message; returns when the system has taken it.

        Raises:
            RuntimeError: the process is gone, or has not taken it in time.
        """
        out = self._outgoing[to]
        head = _HEADER.pack(group, tag, kind, len(view))
        with out.lock:
            try:
                if out.socket is None:
                    out.socket = self._connect(to, deadline)
                out.socket.settimeout(max(deadline - time.monotonic(), 0.001))
                if len(view) <= _TOGETHER:
                    out.socket.sendall(head + bytes(view))
                else:
                    out.socket.sendall(head)
                    out.socket.sendall(view)
            except OSError as error:
                if out.socket is not None:  # half a message may have gone
                    out.socket.close()
                    out.socket = None
                text = "Timed out" if isinstance(error, TimeoutError) else f"Connection closed by peer ({error})"
                raise RuntimeError(f"{text}: sending {len(view)} bytes of {KINDS[kind]} to rank {to}") from error

    def _connect(self, to, deadline):
        if self._closed:
            raise ConnectionAbortedError("the process group is destroyed")
        with self._lock:
            if to in self._gone:
                raise ConnectionResetError(f"{self._gone[to]}: rank {to}")
        host, port = self._addresses[to]
        try:
            sock = connect(host, port, max(min(deadline - time.monotonic(), self._timeout), 0.001))
        except DistNetworkError as error:
            raise ConnectionRefusedError(str(error)) from error
        sock.sendall(_GREETING.pack(_MAGIC, self._secret, self.rank))
        return sock

    def close(self) -> None:
        """Ends all connections; what waits for a message gets an error. A forked copy leaves them to their owner."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            self._closed = True
            self._room.notify_all()
            incoming = list(self._incoming)
            lost = [r for waiting in self._expected.values() for r in waiting]
            self._expected.clear()
        for receive in lost:
            receive.finish("the process group is destroyed")
        for out in self._outgoing:
            with out.lock:
                if out.socket is not None:
                    out.socket.close()
                    out.socket = None
        for sock in (self._listener, *incoming):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def _fill(stream, view):
    done = 0
    while done < len(view):
        n = stream.readinto(view[done:])
        if not n:
            raise ConnectionResetError("a message ends early")
        done += n


def _give(receive, data, problem):
    if problem is None:
        if receive.view is None:
            receive.data = data
        else:
            receive.view[:] = data
    receive.finish(problem)


def _address(text):
    host, port = text.decode().rsplit(" ", 1)
    return host, int(port)


def _own_address(store) -> str:
    """The address by which the other processes of a store's job can reach this machine."""
    below = getattr(store, "_underlying_non_prefix_store", store)
    known = getattr(below, "local_address", None)
    if known is not None:
        return known
    if getattr(below, "path", None) is not None:  # a file may be shared by several machines
        with contextlib.suppress(OSError), socket.socket() as sock:
            address = socket.gethostbyname(socket.gethostname())
            sock.bind((address, 0))
            return address
    return "127.0.0.1"
