"""The data loader: batches of a dataset, made here or in worker processes."""

from __future__ import annotations

import contextlib
import functools
import itertools
import multiprocessing
import multiprocessing.context
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from plugtorch.frontend.devices import accelerator

from ._utils import host, pipes, transport
from ._utils.collate import default_collate, default_convert
from ._utils.fetch import IterableFetcher, MapFetcher
from ._utils.pin_memory import pin_memory
from ._utils.pool import WorkerPool
from ._utils.worker import AGAIN, ASK, ENDED, FAILED, get_worker_info
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)

_FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"})


class _DatasetKind:
    Map = 0
    Iterable = 1

    @staticmethod
    def create_fetcher(kind, dataset, auto_collation, collate_fn, drop_last):
        """The fetcher for a kind of dataset."""
        made = MapFetcher if kind == _DatasetKind.Map else IterableFetcher
        return made(dataset, auto_collation, collate_fn, drop_last)


class _InfiniteConstantSampler(Sampler):
    """None for ever: what stands for indices where a dataset has none."""

    def __iter__(self):
        return itertools.repeat(None)


def _make_fetcher(kind, auto_collation, collate_fn, drop_last, dataset):
    return _DatasetKind.create_fetcher(kind, dataset, auto_collation, collate_fn, drop_last)


class DataLoader(Generic[T_co]):
    """Batches of a dataset; iterating starts an epoch.

    Args:
        dataset: with indices, or an :class:`IterableDataset`.
        batch_size: samples per batch; None gives single samples, uncollated.
        shuffle: a new random order each epoch.
        sampler: indices to take, instead of ``shuffle``.
        batch_sampler: lists of indices to take, instead of ``batch_size``, ``shuffle``, ``sampler``, ``drop_last``.
        num_workers: processes that make batches; 0 makes them here.
        collate_fn: from a list of samples to a batch.
        pin_memory: calls the method ``pin_memory`` of batches, or of their parts, where the backend has an accelerator.
            It does nothing to tensors, as host memory is not pinned by any backend here.
        pin_memory_device: deprecated, without effect.
        drop_last: leaves out a last batch that is shorter.
        timeout: seconds to wait for a worker; 0 waits for ever.
        worker_init_fn: called in each worker with its number.
        multiprocessing_context: a context, or the name of a start method.
        generator: draws orders and seeds, instead of the default generator.
        prefetch_factor: batches asked of each worker in advance, 2 unless given.
        persistent_workers: keeps the workers for the next epoch.
        in_order: gives batches of workers in the order of the sampler, not as they come.

    Workers make tensors on the NumPy backend; their batches arrive on the current backend of the main process.

    Raises:
        ValueError, TypeError: options that are out of range or exclude each other.
    """

    _iterator: Any = None
    __initialized = False

    def __init__(self, dataset: Dataset[T_co], batch_size: int | None = 1, shuffle: bool | None = None,
                 sampler: Sampler | Iterable | None = None, batch_sampler: Sampler | Iterable | None = None,
                 num_workers: int = 0, collate_fn: Callable | None = None, pin_memory: bool = False,
                 drop_last: bool = False, timeout: float = 0, worker_init_fn: Callable | None = None,
                 multiprocessing_context=None, generator=None, *, prefetch_factor: int | None = None,
                 persistent_workers: bool = False, pin_memory_device: str = "", in_order: bool = True) -> None:
        prefetch_factor = _checked_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        if isinstance(dataset, IterableDataset):
            self._dataset_kind = _DatasetKind.Iterable
            if pipes.is_pipe(dataset):
                pipes.set_shuffle(dataset, shuffle)
                shuffle = None
            for name, value, absent in (("shuffle", shuffle, (None, False)), ("sampler", sampler, (None,)),
                                        ("batch_sampler", batch_sampler, (None,))):
                if not any(value is a for a in absent):
                    raise ValueError(f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                                     f"{name}={value}")
        else:
            self._dataset_kind = _DatasetKind.Map
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
                                 "drop_last")
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            if self._dataset_kind == _DatasetKind.Iterable:
                sampler = _InfiniteConstantSampler()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_collate if self._auto_collation else default_convert
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self.__initialized = True
        self._iterable_length: int | None = None  # what len() said, to warn where more comes
        self._iterator = None
        self.check_worker_number_rationality()

    def __setattr__(self, name, value):
        if self.__initialized and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self):
        """The context that starts workers, or None for the system's own."""
        return self.__multiprocessing_context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context):
        if context is not None:
            if self.num_workers <= 0:
                raise ValueError("multiprocessing_context can only be used with multi-process loading (num_workers > "
                                 f"0), but got num_workers={self.num_workers}")
            if isinstance(context, str):
                methods = multiprocessing.get_all_start_methods()
                if context not in methods:
                    raise ValueError("multiprocessing_context option should specify a valid start method in "
                                     f"{methods!r}, but got multiprocessing_context={context!r}")
                context = multiprocessing.get_context(context)
            elif not isinstance(context, multiprocessing.context.BaseContext):
                raise TypeError("multiprocessing_context option should be a valid context object or a string "
                                f"specifying the start method, but got multiprocessing_context={context}")
        self.__multiprocessing_context = context

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self):
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self) -> Iterator[Any]:
        if not self.persistent_workers or self.num_workers == 0:
            return self._get_iterator()
        if self._iterator is not None and self._iterator._lost:  # its workers died or were late: start others
            self._iterator._shutdown_workers()
            self._iterator = None
        if self._iterator is None:
            self._iterator = self._get_iterator()
        else:
            self._iterator._reset(self)
        return self._iterator

    def _get_iterator(self):
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self)
        self.check_worker_number_rationality()
        return _MultiProcessingDataLoaderIter(self)

    def __len__(self) -> int:
        """The number of batches of an epoch.

        Raises:
            TypeError: the dataset or the sampler has no length.
        """
        if self._dataset_kind != _DatasetKind.Iterable:
            return len(self._index_sampler)
        length = self._iterable_length = len(self.dataset)
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)

    def check_worker_number_rationality(self) -> None:
        """Warns where there are more workers than processors that this process may use."""
        if not self.num_workers:
            return
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        if cores is not None and self.num_workers > cores:
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our suggested max number "
                f"of worker in current system is {cores}, which is smaller than what this DataLoader is going to "
                "create. Please be aware that excessive worker creation might get DataLoader running slow or even "
                "freeze, lower the worker number to avoid potential slowness/freeze if necessary.",
                stacklevel=3,
            )


def _checked_workers(num_workers, timeout, prefetch_factor, persistent_workers):
    """The prefetch factor, after a look at the options about workers."""
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError("prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to "
                         "enable multiprocessing, otherwise set prefetch_factor to None.")
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
    return 2 if num_workers > 0 and prefetch_factor is None else prefetch_factor


def _pins(loader) -> bool:
    """Whether batches are pinned, with a warning where that is asked for in vain."""
    if not loader.pin_memory:
        return False
    if loader.pin_memory_device:
        warnings.warn("pin_memory_device is deprecated, the current accelerator will be used as the device,"
                      f"ignore pin_memory_device='{loader.pin_memory_device}'.", stacklevel=5)
    if not accelerator.is_available():
        warnings.warn("'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be "
                      "used.", stacklevel=5)
        return False
    return True


class _BaseDataLoaderIter:
    """One epoch: its indices, its seed, and the count of what it gave."""

    def __init__(self, loader: DataLoader) -> None:
        self._dataset = loader.dataset
        self._kind = loader._dataset_kind
        self._sampler = loader._index_sampler
        self._num_workers = loader.num_workers
        self._timeout = loader.timeout
        self._pin_memory = _pins(loader)
        self._start(loader)
        self._base_seed = draw_seed(loader.generator)

    def _start(self, loader):
        self._shared_seed = pipes.share_seed(self._dataset, loader.generator)
        self._indices = iter(self._sampler)
        self._given = 0
        self._promised = loader._iterable_length

    def __iter__(self):
        return self

    def __len__(self):
        return len(self._sampler)

    def __next__(self):
        data = self._next_data()
        self._given += 1
        if self._kind == _DatasetKind.Iterable and self._promised is not None and self._given > self._promised:
            text = (f"Length of IterableDataset {self._dataset} was reported to be {self._promised}(when accessing "
                    f"len(dataloader)), but {self._given} samples have been fetched. ")
            if self._num_workers:
                text += ("For multiprocessing data-loading, this could be caused by not properly configuring the "
                         "IterableDataset replica at each worker. Please see "
                         "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples.")
            warnings.warn(text, stacklevel=2)
        return data

    def __getstate__(self):
        raise NotImplementedError("{} cannot be pickled", type(self).__name__)


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """Makes each batch when it is asked for."""

    def __init__(self, loader):
        super().__init__(loader)
        if self._timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        pipes.share_out(self._dataset)
        self._fetcher = _make_fetcher(self._kind, loader._auto_collation, loader.collate_fn, loader.drop_last,
                                      self._dataset)

    def _next_data(self):
        data = self._fetcher.fetch(next(self._indices))
        return pin_memory(data) if self._pin_memory else data


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Asks workers for batches in turn, some in advance, and gives them in order."""

    def __init__(self, loader):
        super().__init__(loader)
        if loader.prefetch_factor <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        self._ahead = loader.prefetch_factor * loader.num_workers
        self._in_order = loader.in_order
        self._persistent = loader.persistent_workers
        self._lost = False  # whether the workers did not do what they were asked for
        context = loader.multiprocessing_context or multiprocessing.get_context()
        make = functools.partial(_make_fetcher, self._kind, loader._auto_collation, loader.collate_fn, loader.drop_last)
        self._pool = WorkerPool(context, self._num_workers, host.for_workers(self._dataset), make, self._base_seed,
                                pipes.worker_init(self._dataset, loader.worker_init_fn), self._shared_seed)
        self._start(loader)  # once more: a sampler whose iter() draws numbers draws them twice in PyTorch
        self._begin()

    def _begin(self):
        self._asked = self._wanted = 0  # number of the next request, and of the next batch to give
        self._tasks = {}  # number -> worker
        self._arrived = {}  # number -> (worker, status, parts)
        self._turn = 0
        self._active = [True] * self._num_workers
        self._load = [0] * self._num_workers  # batches asked for and not given
        for _ in range(self._ahead):
            self._ask()

    def _reset(self, loader):
        """A new epoch with the same workers."""
        with self._careful():
            while self._tasks:  # an epoch that was left early: what was asked for still comes
                if self._receive() is None:
                    raise self._late()
            self._start(loader)
            seed = transport.pack(self._shared_seed)
            for worker in range(self._num_workers):
                self._pool.send(worker, -1, AGAIN, seed)
            self._begin()

    @contextlib.contextmanager
    def _careful(self):
        """Whatever interrupts the bookkeeping inside ends the workers: no batch is lost unnoticed."""
        done = False
        try:
            yield
            done = True
        finally:
            if not done:
                self._lost = True
                self._shutdown_workers(grace=0.0)

    def _receive(self):
        """The next answer of any worker, ``(number, (worker, status, parts))``, or None where none came in time."""
        answer = self._pool.receive(self._timeout)
        if answer is None:
            return None
        worker, number, status, parts = answer
        del self._tasks[number]
        return number, (worker, status, parts)

    def _next_worker(self):
        """The next worker in turn that may be asked for a batch, or None."""
        most = self._ahead // max(1, sum(self._active))
        for _ in range(self._num_workers):
            worker = self._turn
            self._turn = (worker + 1) % self._num_workers
            if self._active[worker] and (self._in_order or self._load[worker] < most):
                return worker
        return None

    def _ask(self):
        """Gives the next worker the next indices."""
        worker = self._next_worker()
        if worker is None:
            return
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        self._pool.send(worker, self._asked, ASK, transport.pack(indices))
        self._tasks[self._asked] = worker
        self._load[worker] += 1
        self._asked += 1

    def _next_data(self):
        if self._lost and self._pool is None:
            raise RuntimeError("the workers of this DataLoader have ended; iterate over it again")
        with self._careful():
            answer = self._next_answer()
            self._lost = answer is None and bool(self._tasks)
            if answer is not None:
                worker, status, parts = answer
                self._load[worker] -= 1
                self._ask()
        if self._lost:
            raise self._late()
        if answer is None:
            raise StopIteration
        data = transport.unpack(parts)
        if status == FAILED:
            data.reraise()
        return pin_memory(data) if self._pin_memory else data

    def _late(self):
        return RuntimeError(f"DataLoader timed out after {self._timeout} seconds")

    def _next_answer(self):
        """The answer ``(worker, status, parts)`` that is to be given next; None at the end, and where none came in time."""
        while True:
            while self._in_order and self._wanted < self._asked and self._wanted not in self._tasks \
                    and self._wanted not in self._arrived:
                self._wanted += 1  # its worker had no more samples
            if self._wanted in self._arrived:
                self._wanted += 1
                return self._arrived.pop(self._wanted - 1)
            if not self._tasks:
                if not self._persistent:
                    self._shutdown_workers()
                return None
            received = self._receive()
            if received is None:
                return None
            number, answer = received
            if answer[1] == ENDED:
                self._exhausted(answer[0])
            elif self._in_order:
                self._arrived[number] = answer
            else:
                return answer

    def _exhausted(self, worker):
        """A worker's stream ended: nothing more is asked of it, and what was asked will be answered likewise."""
        self._active[worker] = False
        self._load[worker] -= 1
        if not self._persistent and worker not in self._tasks.values():
            self._pool.retire(worker)
        self._ask()

    def _shutdown_workers(self, grace=None):
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(grace)

    @property
    def _workers(self):
        """The processes, as long as they are there."""
        return [] if self._pool is None else self._pool.processes
