"""The worker process of a data loader."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import queue
import random
import signal
import socket
import threading
import traceback
from typing import Any

import numpy as np

from plugtorch.frontend import state
from plugtorch.frontend.random import default_generator

from . import host, pipes, transport
from .channel import Reader, framed

__all__ = ["WorkerInfo", "get_worker_info"]

#: What a worker is asked for: a batch, or a new epoch.
ASK, AGAIN = range(2)
#: What its answer is: a batch, the end of its stream, or an exception.
BATCH, ENDED, FAILED = range(3)
# Seconds between two looks at whether the parent lives. The end of the connection tells at once, unless another process has
# inherited a copy of the parent's socket.
_PARENT_CHECK = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What :func:`get_worker_info` tells in a worker process.

    Attributes:
        id: the worker's number, from 0.
        num_workers: how many there are.
        seed: the seed of this worker's generators.
        dataset: this process's copy of the dataset; it may be changed.
        rng: generators of a worker that is a thread; None, as workers are processes.
        worker_method: "multiprocessing".
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """What a worker of a data loader should know of itself; None in the main process."""
    return _info


@dataclasses.dataclass
class Failure:
    """An exception on its way to the main process: its type if that can be pickled, and its traceback as text."""

    kind: type
    name: str
    text: str
    where: str

    def reraise(self):
        """Raises the exception with the worker's traceback in its message; RuntimeError for types that cannot be made
        from a message."""
        message = f"Caught {self.name} {self.where}.\nOriginal {self.text}"
        if self.kind is KeyError:
            message = _Verbatim(message)
        elif getattr(self.kind, "message", None):
            raise self.kind(message=message)
        try:
            error = self.kind(message)
        except Exception:
            error = RuntimeError(message)
        raise error


class _Verbatim(str):
    """A message that a KeyError prints as it is, not quoted."""

    __slots__ = ()

    def __repr__(self):
        return str(self)


def describe(error: BaseException, where: str) -> Failure:
    """A failure that certainly can be sent."""
    text = "".join(traceback.format_exception(error))
    kind = type(error)
    try:
        pickle.dumps(kind)
    except Exception:
        kind = RuntimeError
    return Failure(kind, type(error).__name__, text, where)


def seed_libraries(worker_id: int, base_seed: int) -> int:
    """Seeds the default generator, ``random`` and NumPy for one worker; returns the seed of the first two."""
    seed = base_seed + worker_id
    default_generator.manual_seed(seed)
    random.seed(seed)
    lock = np.random.get_bit_generator().lock
    if lock.acquire(blocking=False):
        lock.release()
    else:  # another thread of the parent was drawing when this process was forked
        np.random.set_bit_generator(np.random.MT19937())
    mixed = np.random.SeedSequence([worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0])
    np.random.seed(mixed.generate_state(4))
    return seed


class _Line:
    """A worker's end of its channel: waits for the parent, but not longer than the parent lives.

    Answers are sent by a thread, so that the next batch is made while one waits to be read.
    """

    def __init__(self, sock, parent_pid):
        sock.settimeout(_PARENT_CHECK)
        self._sock, self._parent = sock, os.getppid() if parent_pid is None else parent_pid
        self._reader = Reader(sock)
        self._answers = queue.SimpleQueue()
        self._sender = threading.Thread(target=self._send_all, daemon=True)
        self._sender.start()

    def _orphaned(self):
        return os.getppid() != self._parent

    def request(self):
        """The next request; None at the end of them."""
        while True:
            try:
                message = self._reader.read()
            except EOFError:
                return None
            if message is not None or self._orphaned():
                return message

    def answer(self, number, kind, parts):
        """Gives the sender an answer."""
        self._answers.put((number, kind, parts))

    def _send_all(self):
        try:
            while (answer := self._answers.get()) is not None:
                for piece in framed(*answer):
                    self._send(piece)
        except BaseException as error:
            with contextlib.suppress(OSError):  # the parent must not wait for what is not sent
                self._sock.shutdown(socket.SHUT_RDWR)
            if not isinstance(error, ConnectionError):  # else nobody reads any more
                raise

    def _send(self, piece):
        while len(piece):
            try:
                piece = piece[self._sock.send(piece):]
            except TimeoutError:
                if self._orphaned():
                    raise BrokenPipeError from None

    def close(self):
        """Waits until everything is sent, or the reader is gone."""
        self._answers.put(None)
        self._sender.join()


def worker_loop(make_fetcher, dataset, sock, foreign, parent_pid, worker_id, num_workers, base_seed, init_fn, shared_seed):
    """The life of a worker: makes the batches it is asked for until it is told to end or its parent is gone.

    Messages are those of :mod:`.channel`, with objects as :mod:`.transport` packs them: indices in requests, and batches or
    a :class:`Failure` in answers.

    Args:
        make_fetcher: from the dataset to a fetcher.
        sock: the worker's end of its connection.
        foreign: the parent's channels, inherited by a fork.
        parent_pid: the parent's number where this process was forked, else None.
        base_seed: the seed of worker 0.
        init_fn: called with the worker's number, after seeding.
        shared_seed: the seed of all workers' data pipes, or None.
    """
    global _info
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a handler of the parent's is not meant for workers
    for channel in foreign:
        channel.forget()
    if parent_pid is not None:
        host.refuse_other_backends()
    with contextlib.suppress(KeyboardInterrupt):
        seed = seed_libraries(worker_id, base_seed)
        if shared_seed is not None:
            pipes.apply_seed(dataset, shared_seed)
        _info = WorkerInfo(worker_id, num_workers, seed, dataset)
        line = _Line(sock, parent_pid)
        try:
            _work(make_fetcher, dataset, line, worker_id, init_fn)
        finally:
            line.close()


def _single_thread():
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _work(make_fetcher, dataset, line, worker_id, init_fn):
    where = f"in DataLoader worker process {worker_id}"
    with state.backend("numpy"):
        fetcher, failure = None, None
        try:
            _single_thread()
            if init_fn is not None:
                init_fn(worker_id)
            fetcher = make_fetcher(dataset)
        except Exception as error:
            failure = describe(error, where)
        while (request := line.request()) is not None:
            number, kind, parts = request
            if kind == ASK:
                line.answer(number, *(_answer(fetcher, parts, where) if failure is None else
                                      (FAILED, transport.pack(failure))))
                continue
            try:
                shared_seed = transport.unpack(parts)
                if shared_seed is not None:
                    pipes.apply_seed(dataset, shared_seed)
                fetcher, failure = make_fetcher(dataset), None
            except Exception as error:
                failure = describe(error, where)


def _answer(fetcher, request, where):
    try:
        return BATCH, transport.pack(fetcher.fetch(transport.unpack(request)))
    except StopIteration as end:
        if fetcher.endless:
            return FAILED, transport.pack(describe(end, where))
        return ENDED, transport.pack(None)
    except Exception as error:
        return FAILED, transport.pack(describe(error, where))
