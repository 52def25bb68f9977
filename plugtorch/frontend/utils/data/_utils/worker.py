"""The worker process of a data loader."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pickle
import queue
import random
import threading
import traceback
from typing import Any

import numpy as np

from plugtorch.frontend import state
from plugtorch.frontend.random import default_generator

from . import transport

__all__ = ["WorkerInfo", "get_worker_info"]

#: What a worker's answer is.
BATCH, ENDED, FAILED = "batch", "ended", "failed"
# Seconds between two looks at whether the parent lives.
_PARENT_CHECK = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What :func:`get_worker_info` tells in a worker process.

    Attributes:
        id: the worker's number, from 0.
        num_workers: how many there are.
        seed: the seed of this worker's generators.
        dataset: this process's copy of the dataset; it may be changed.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """What a worker of a data loader should know of itself; None in the main process."""
    return _info


@dataclasses.dataclass
class Failure:
    """An exception on its way to the main process: its type if that can be pickled, and its traceback as text."""

    kind: type
    text: str
    where: str

    def reraise(self):
        """Raises the exception with the worker's traceback in its message; RuntimeError for types that cannot be made
        from a message."""
        message = f"Caught {self.kind.__name__} {self.where}.\nOriginal {self.text}"
        if self.kind is KeyError:
            message = _Verbatim(message)
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
    return Failure(kind, text, where)


def seed_libraries(worker_id: int, base_seed: int) -> int:
    """Seeds the default generator, ``random`` and NumPy for one worker; returns the seed of the first two."""
    seed = base_seed + worker_id
    default_generator.manual_seed(seed)
    random.seed(seed)
    mixed = np.random.SeedSequence([worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0])
    np.random.seed(mixed.generate_state(4))
    return seed


class _Outbox:
    """Sends answers in a thread, so that the next batch is made while one waits to be read."""

    def __init__(self, connection):
        self._connection = connection
        self._answers = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, index, status, parts):
        self._answers.put((index, status, parts))

    def _run(self):
        with contextlib.suppress(OSError):  # nobody reads any more
            while (answer := self._answers.get()) is not None:
                index, status, parts = answer
                self._connection.send((index, status))
                transport.send(self._connection, parts)

    def close(self):
        """Waits until everything is sent, or the reader is gone."""
        self._answers.put(None)
        self._thread.join()


def worker_loop(make_fetcher, dataset, connection, foreign, base_seed, worker_id, num_workers, init_fn, parent_pid):
    """The life of a worker: makes the batches it is asked for until it is told to end or its parent is gone.

    Requests are ``(number, indices)``, ``"again"`` for a new epoch, and None for the end; answers are
    ``(number, status)`` followed by a message of :mod:`.transport`. ``parent_pid`` is the parent's number where this
    process was forked, else None.
    """
    global _info
    for other in foreign:  # ends of pipes that belong to the parent, inherited by a fork
        other.close()
    with contextlib.suppress(KeyboardInterrupt):
        seed = seed_libraries(worker_id, base_seed)
        _info = WorkerInfo(worker_id, num_workers, seed, dataset)
        _work(make_fetcher, dataset, connection, worker_id, init_fn, parent_pid)


def _single_thread():
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _work(make_fetcher, dataset, connection, worker_id, init_fn, parent_pid):
    where = f"in DataLoader worker process {worker_id}"
    outbox = _Outbox(connection)
    failure, fetcher = None, None
    with state.backend("numpy"):
        try:
            _single_thread()
            if init_fn is not None:
                init_fn(worker_id)
            fetcher = make_fetcher(dataset)
        except Exception as error:
            failure = describe(error, where)
        try:
            while (request := _next_request(connection, parent_pid)) is not None:
                if request == "again":
                    try:
                        fetcher = make_fetcher(dataset)
                    except Exception as error:
                        failure = describe(error, where)
                    continue
                index, indices = request
                if failure is not None:
                    outbox.put(index, FAILED, transport.pack(failure))
                    failure = None
                    continue
                outbox.put(index, *_answer(fetcher, indices, where))
        except (EOFError, OSError):
            return
    outbox.close()


def _next_request(connection, parent_pid):
    while not connection.poll(_PARENT_CHECK):
        # A forked sibling may hold the parent's end of the pipe open, so its end is not enough of a sign.
        if parent_pid is not None and os.getppid() != parent_pid:
            return None
    return connection.recv()


def _answer(fetcher, indices, where):
    if fetcher is None:  # it could not be made, which was told before
        return ENDED, transport.pack(None)
    try:
        return BATCH, transport.pack(fetcher.fetch(indices))
    except StopIteration as end:
        if getattr(fetcher, "source", None) is not None:
            return ENDED, transport.pack(None)
        return FAILED, transport.pack(describe(end, where))
    except Exception as error:
        return FAILED, transport.pack(describe(error, where))
