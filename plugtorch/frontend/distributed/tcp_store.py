"""A store over TCP: a server in one process, and clients.

A request is a code, a timeout in milliseconds, and byte strings (``framing.py``); the answer is a status and byte
strings. The server keeps a :class:`HashStore` and serves each connection in a thread of its own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import threading
import time
from datetime import timedelta

from .errors import DistNetworkError, DistStoreError, QueueEmptyError
from .framing import receive_message, send_message
from .store import DEFAULT_TIMEOUT, HashStore, Store, as_bytes, milliseconds

__all__ = ["TCPStore"]

_HELLO = b"plugtorch store 1"
_JOINED = "init/"
_NUMBER = struct.Struct("<q")
_OK, _TIMEOUT, _EMPTY, _NO_NUMBER = range(4)
# Seconds that an answer may come later than the timeout it was asked with.
_SLACK = 15.0
_HELLO_SECONDS = 10.0


def _number(data):
    return _NUMBER.unpack(data)[0]


def _names(parts):
    return [p.decode() for p in parts]


# What the server does for each request, by its code: f(table, parts) -> parts of the answer.
_REQUESTS = {
    1: ("set", lambda s, p: s.set(p[0].decode(), p[1]) or ()),
    2: ("get", lambda s, p: [s.get(p[0].decode())]),
    3: ("add", lambda s, p: [_NUMBER.pack(s.add(p[0].decode(), _number(p[1])))]),
    4: ("compare_set", lambda s, p: [s.compare_set(p[0].decode(), p[1], p[2])]),
    5: ("delete_key", lambda s, p: [_NUMBER.pack(s.delete_key(p[0].decode()))]),
    6: ("list_keys", lambda s, p: [k.encode() for k in s.list_keys()]),
    7: ("check", lambda s, p: [_NUMBER.pack(s.check(_names(p)))]),
    8: ("wait", lambda s, p: s.wait(_names(p)) or ()),
    9: ("append", lambda s, p: s.append(p[0].decode(), p[1]) or ()),
    10: ("multi_get", lambda s, p: s.multi_get(_names(p))),
    11: ("multi_set", lambda s, p: s.multi_set(_names(p[::2]), p[1::2]) or ()),
    12: ("queue_push", lambda s, p: s.queue_push(p[0].decode(), p[1]) or ()),
    13: ("queue_pop", lambda s, p: [s.queue_pop(p[0].decode(), p[1] == b"1")]),
    14: ("queue_len", lambda s, p: [_NUMBER.pack(s.queue_len(p[0].decode()))]),
}
_CODES = {name: code for code, (name, _) in _REQUESTS.items()}


class _View(HashStore):
    """The server's table with the timeout of one connection's request."""

    def __init__(self, table):
        super().__init__()
        self._values, self._queues, self._changed = table._values, table._queues, table._changed


class _Server:
    """Serves a table until it is closed."""

    def __init__(self, listener):
        self._listener = listener
        self._table = HashStore()
        self._open = set()
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._accept, name="plugtorch-store", daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="plugtorch-store", daemon=True).start()

    def _serve(self, connection):
        view = _View(self._table)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(_HELLO_SECONDS)
            code, parts = receive_message(connection)
            if code or parts != [_HELLO]:
                return
            connection.settimeout(None)
            while True:
                code, parts = receive_message(connection)
                send_message(connection, *self._answer(view, code, parts))
        except (OSError, DistNetworkError, ValueError, KeyError, IndexError, struct.error):
            return  # closed, or no client of ours
        finally:
            self._open.discard(connection)
            connection.close()

    @staticmethod
    def _answer(view, code, parts):
        _, act = _REQUESTS[code]
        view.set_timeout(timedelta(milliseconds=_number(parts[0])))
        try:
            return _OK, list(act(view, parts[1:]))
        except QueueEmptyError as error:
            return _EMPTY, [str(error).encode()]
        except DistStoreError as error:
            return _TIMEOUT, [str(error).encode()]
        except ValueError as error:
            return _NO_NUMBER, [str(error).encode()]

    def close(self):
        # A thread that waits in accept() is woken by shutdown, not by close.
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on the address of a host name, or on all addresses if that is none of this machine's.

    Raises:
        DistNetworkError: the port is taken.
    """
    for address in dict.fromkeys((host, "")):
        try:
            found = socket.getaddrinfo(address or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except socket.gaierror:
            continue
        family, _, _, _, place = min(found, key=lambda f: f[0] != socket.AF_INET)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(place)
            sock.listen(1024)
            return sock
        except OSError as error:
            sock.close()
            if error.errno == errno.EADDRNOTAVAIL and address:
                continue
            raise DistNetworkError(
                "The server socket has failed to listen on any local network address. "
                f"port: {port}, code: {-(error.errno or 0)}, name: {errno.errorcode.get(error.errno or 0)}, message: "
                f"{error.strerror}") from error
    raise DistNetworkError("The server socket has failed to listen on any local network address. "
                           f"host: {host}, port: {port}")


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """A connection, tried again until the time is over.

    Raises:
        DistNetworkError: nobody answered in time.
    """
    deadline = time.monotonic() + timeout
    pause = 0.01
    while True:
        left = deadline - time.monotonic()
        try:
            sock = socket.create_connection((host, port), timeout=max(left, 0.001))
            if sock.getsockname() == sock.getpeername():  # a port that nobody listens on can meet itself
                sock.close()
                raise ConnectionRefusedError(errno.ECONNREFUSED, "nobody listens")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            if time.monotonic() + pause >= deadline:
                raise DistNetworkError(f"The client socket has timed out after {round(timeout * 1000)}ms while trying to "
                                       f"connect to ({host}, {port}).") from error
        time.sleep(pause)
        pause = min(2 * pause, 0.5)


class TCPStore(Store):
    """A store over TCP.

    Args:
        host_name: where the server is; the server itself listens on that address alone if it is one of its machine's.
        port: the server's port; 0 chooses one, see :attr:`port`.
        world_size: how many processes will use it; None if that is not known.
        is_master: starts the server in this process.
        timeout: how long keys and connections are waited for.
        wait_for_workers: the server's process waits here until all others have connected.
        multi_tenant: several stores of this process may share one server on a port.
        master_listen_fd: a listening socket for the server to use.
        use_libuv: accepted; there is one kind of server.

    Raises:
        DistNetworkError: the port is taken, or the server does not answer in time.
        DistStoreError: not all processes came in time.
    """

    _servers: dict[int, _Server] = {}

    def __init__(self, host_name: str, port: int, world_size: int | None = None, is_master: bool = False,
                 timeout: timedelta = DEFAULT_TIMEOUT, wait_for_workers: bool = True, multi_tenant: bool = False,
                 master_listen_fd: int | None = None, use_libuv: bool = True) -> None:
        super().__init__()
        self._timeout, self._host, self._world_size = timeout, host_name, world_size
        self._server, self._socket, self._owner = None, None, os.getpid()
        if is_master:
            shared = self._servers.get(port) if multi_tenant and port else None
            if shared is None:
                listener = listen(host_name, port) if master_listen_fd is None else socket.socket(fileno=master_listen_fd)
                shared = self._server = _Server(listener)
                if multi_tenant:
                    self._servers[shared.port] = shared
            port = shared.port
        self._port = port
        self._lock = threading.Lock()
        self._socket = connect(host_name, port, timeout.total_seconds())
        with self._translated():
            send_message(self._socket, 0, [_HELLO])
        joined = self.add(_JOINED, 1)
        if is_master and wait_for_workers and world_size is not None and world_size > 1:
            deadline = time.monotonic() + timeout.total_seconds()
            while joined < world_size:
                if time.monotonic() > deadline:
                    self.close()
                    raise DistStoreError(f"Timed out after {round(timeout.total_seconds())} seconds waiting for clients. "
                                         f"{joined}/{world_size} clients joined.")
                time.sleep(0.005)
                joined = self.add(_JOINED, 0)

    @property
    def host(self) -> str:
        """The name of the server's host."""
        return self._host

    @property
    def port(self) -> int:
        """The server's port."""
        return self._port

    @property
    def libuvBackend(self) -> bool:  # noqa: N802  (PyTorch's name)
        """False: the server is one of threads."""
        return False

    @property
    def local_address(self) -> str:
        """The address of this machine by which it reaches the server."""
        return self._socket.getsockname()[0]

    @contextlib.contextmanager
    def _translated(self):
        try:
            yield
        except OSError as error:
            self.close()
            raise DistNetworkError(f"{error} (the store at {self._host}:{self._port})") from error

    def _ask(self, name, *parts, timeout: timedelta | None = None):
        allowed = timeout or self._timeout
        with self._lock, self._translated():
            if self._socket is None:
                raise DistNetworkError(f"the connection to the store at {self._host}:{self._port} is closed")
            self._socket.settimeout(allowed.total_seconds() + _SLACK)
            send_message(self._socket, _CODES[name], [_NUMBER.pack(milliseconds(allowed)), *parts])
            status, answer = receive_message(self._socket)
        if status == _OK:
            return answer
        text = answer[0].decode()
        raise {_TIMEOUT: DistStoreError, _EMPTY: QueueEmptyError, _NO_NUMBER: ValueError}[status](text)

    def set(self, key, value):
        self._ask("set", key.encode(), as_bytes(value))

    def get(self, key):
        return self._ask("get", key.encode())[0]

    def add(self, key, amount):
        return _number(self._ask("add", key.encode(), _NUMBER.pack(amount))[0])

    def compare_set(self, key, expected_value, desired_value):
        return self._ask("compare_set", key.encode(), as_bytes(expected_value), as_bytes(desired_value))[0]

    def delete_key(self, key):
        return bool(_number(self._ask("delete_key", key.encode())[0]))

    def list_keys(self):
        return _names(self._ask("list_keys"))

    def check(self, keys):
        return bool(_number(self._ask("check", *(key.encode() for key in keys))[0]))

    def wait(self, keys, timeout=None):
        self._ask("wait", *(key.encode() for key in keys), timeout=timeout)

    def append(self, key, value):
        self._ask("append", key.encode(), as_bytes(value))

    def multi_get(self, keys):
        return self._ask("multi_get", *(key.encode() for key in keys))

    def multi_set(self, keys, values):
        self._ask("multi_set", *(part for key, value in zip(keys, values, strict=True)
                                 for part in (key.encode(), as_bytes(value))))

    def queue_push(self, key, value):
        self._ask("queue_push", key.encode(), as_bytes(value))

    def queue_pop(self, key, block=True):
        return self._ask("queue_pop", key.encode(), b"1" if block else b"0")[0]

    def queue_len(self, key):
        return _number(self._ask("queue_len", key.encode())[0])

    def has_extended_api(self):
        return True

    def clone(self):
        return TCPStore(self._host, self._port, self._world_size, False, self._timeout)

    def __repr__(self):
        server = "None" if self._server is None else f"TCPServer(port={self._server.port})"
        return f"TCPStore(client=TCPClient({self._host}:{self._port}), server={server})"

    def close(self) -> None:
        """Ends the connection, and the server if it runs here. A forked copy leaves both to their owner."""
        if os.getpid() != self._owner:
            return
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._server is not None:
            self._servers.pop(self._server.port, None)
            self._server.close()
            self._server = None

    def __del__(self):
        with contextlib.suppress(Exception):
            self.close()
