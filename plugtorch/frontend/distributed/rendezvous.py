"""How processes that are told a URL find a store, their rank and their number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlparse

from .file_store import FileStore
from .store import DEFAULT_TIMEOUT, Store
from .tcp_store import TCPStore

__all__ = ["register_rendezvous_handler", "rendezvous"]

_handlers: dict[str, Callable] = {}


def register_rendezvous_handler(scheme: str, handler: Callable) -> None:
    """Lets ``init_method`` begin with ``scheme://``.

    Args:
        handler: ``f(url, timeout=...)``, a generator of ``(store, rank, world_size)``.

    Raises:
        RuntimeError: there is a handler of that scheme.
    """
    if scheme in _handlers:
        raise RuntimeError(f"Rendezvous handler for {scheme}:// already registered")
    _handlers[scheme] = handler


def rendezvous(url: str, rank: int = -1, world_size: int = -1, **kwargs) -> Iterator[tuple[Store, int, int]]:
    """An iterator of ``(store, rank, world_size)`` for a URL: ``env://``, ``tcp://HOST:PORT``, ``file:///PATH``, or of a
    registered scheme. Rank and number of processes that are given stand for those of the URL.

    Raises:
        RuntimeError: the URL is no string, or of no known scheme.
        ValueError: part of what the scheme needs is missing.
    """
    if not isinstance(url, (str, bytes)):
        raise RuntimeError(f"`url` must be a string. {type(url)}: {url}")
    scheme = urlparse(url).scheme
    if scheme not in _handlers:
        raise RuntimeError(f"No rendezvous handler for {scheme}://")
    given = "&".join(f"{name}={value}" for name, value in (("rank", rank), ("world_size", world_size)) if value != -1)
    if given:
        url += ("&" if urlparse(url).query else "?") + given
    return _handlers[scheme](url, **kwargs)


def _error(scheme, text):
    return ValueError(f"Error initializing torch.distributed using {scheme} rendezvous: {text}")


def _parameters(url, scheme):
    """Rank and number of processes of a URL."""
    query = parse_qs(urlparse(url).query)
    for name, shown in (("rank", "rank"), ("world_size", "world size")):
        if name not in query:
            raise _error(scheme, f"{shown} parameter missing")
    return int(query["rank"][0]), int(query["world_size"][0])


def _of_file(url, timeout: timedelta = DEFAULT_TIMEOUT, **_):
    path = urlparse(url).path
    if not path:
        raise _error("file://", "path missing")
    rank, world_size = _parameters(url, "file://")
    store = FileStore(path, world_size)
    store.set_timeout(timeout)
    yield store, rank, world_size
    raise RuntimeError("Unable to perform rerendezvous using file:// method")


def _of_tcp(url, timeout: timedelta = DEFAULT_TIMEOUT, **_):
    place = urlparse(url)
    if place.port is None:
        raise _error("tcp://", "port number missing")
    rank, world_size = _parameters(url, "tcp://")
    yield _tcp_store(place.hostname, place.port, rank, world_size, timeout), rank, world_size
    raise RuntimeError("Unable to perform re-rendezvous using tcp:// method")


def _of_environment(url, timeout: timedelta = DEFAULT_TIMEOUT, **_):
    query = parse_qs(urlparse(url).query)

    def variable(name):
        value = os.environ.get(name)
        if value is None:
            raise _error("env://", f"environment variable {name} expected, but not set")
        return value

    rank = int(query["rank"][0] if "rank" in query else variable("RANK"))
    world_size = int(query["world_size"][0] if "world_size" in query else variable("WORLD_SIZE"))
    host, port = variable("MASTER_ADDR"), int(variable("MASTER_PORT"))
    yield _tcp_store(host, port, rank, world_size, timeout), rank, world_size
    raise RuntimeError("Unable to perform re-rendezvous using env:// method")


def _tcp_store(host, port, rank, world_size, timeout):
    if not 0 <= port < 2**16:
        raise ValueError(f"port must have value from 0 to 65535 but was {port}.")
    return TCPStore(host, port, world_size, rank == 0, timeout, multi_tenant=True)


register_rendezvous_handler("tcp", _of_tcp)
register_rendezvous_handler("env", _of_environment)
register_rendezvous_handler("file", _of_file)
