"""Steps of streams; names of ``torch.utils.data.datapipes.iter``."""

from __future__ import annotations

import enum
import os
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from plugtorch.frontend.utils.data._utils.collate import default_collate
from plugtorch.frontend.utils.data.sampler import SequentialSampler

from .datapipe import DataChunk, IterDataPipe, deep_copied, functional_datapipe
from .files import get_file_binaries_from_pathnames, get_file_pathnames_from_root
from .shuffling import Shuffling

__all__ = ["Batcher", "Collator", "Concater", "Demultiplexer", "FileLister", "FileOpener", "Filter", "Forker", "Grouper",
           "IterableWrapper", "Mapper", "Multiplexer", "Sampler", "ShardingFilter", "Shuffler", "StreamReader", "UnBatcher",
           "Zipper"]


class IterableWrapper(IterDataPipe):
    """The items of anything that is iterated, of a copy of it unless ``deepcopy`` is False."""

    def __init__(self, iterable, deepcopy=True):
        self.iterable, self.deepcopy = iterable, deepcopy

    def __iter__(self):
        yield from deep_copied(self.iterable) if self.deepcopy else self.iterable

    def __len__(self):
        return len(self.iterable)


def _chosen(item, column):
    return tuple(item[c] for c in column) if isinstance(column, (list, tuple)) else item[column]


@functional_datapipe("map")
class Mapper(IterDataPipe):
    """``fn`` of every item, or of columns of it, whose result replaces them or goes to ``output_col`` (-1: a new one)."""

    def __init__(self, datapipe, fn: Callable, input_col=None, output_col=None):
        if input_col is None and output_col is not None:
            raise ValueError("`output_col` must be None when `input_col` is None.")
        self.datapipe, self.fn, self.input_col, self.output_col = datapipe, fn, input_col, output_col

    def _apply(self, item):
        if self.input_col is None:
            return self.fn(item)
        found = self.fn(*_chosen(item, self.input_col)) if isinstance(self.input_col, (list, tuple)) else \
            self.fn(item[self.input_col])
        whole: Any = list(item) if isinstance(item, tuple) else item.copy()
        target = self.output_col
        if target is None:
            if isinstance(self.input_col, (list, tuple)):
                target = self.input_col[0]
                for column in sorted(self.input_col[1:], reverse=True):
                    del whole[column]
            else:
                target = self.input_col
        if target == -1:
            whole.append(found)
        else:
            whole[target] = found
        return tuple(whole) if isinstance(item, tuple) else whole

    def __iter__(self):
        for item in self.datapipe:
            yield self._apply(item)

    def __len__(self):
        return len(self.datapipe)


@functional_datapipe("collate")
class Collator(Mapper):
    """Batches put together as tensors by :func:`default_collate`, or by another function."""

    def __init__(self, datapipe, conversion=default_collate, collate_fn=None):
        super().__init__(datapipe, collate_fn if collate_fn is not None else conversion)


@functional_datapipe("filter")
class Filter(IterDataPipe):
    """The items for which ``filter_fn``, of the item or of columns of it, is True."""

    def __init__(self, datapipe, filter_fn: Callable, input_col=None):
        self.datapipe, self.filter_fn, self.input_col = datapipe, filter_fn, input_col

    def __iter__(self):
        for item in self.datapipe:
            if self.input_col is None:
                kept = self.filter_fn(item)
            elif isinstance(self.input_col, (list, tuple)):
                kept = self.filter_fn(*_chosen(item, self.input_col))
            else:
                kept = self.filter_fn(item[self.input_col])
            if not isinstance(kept, bool):
                raise ValueError("Boolean output is required for `filter_fn` of FilterIterDataPipe, got", type(kept))
            if kept:
                yield item


@functional_datapipe("batch")
class Batcher(IterDataPipe):
    """Items gathered into batches."""

    def __init__(self, datapipe, batch_size: int, drop_last: bool = False, wrapper_class=DataChunk):
        if batch_size <= 0:
            raise AssertionError("Batch size is required to be larger than 0!")
        self.datapipe, self.batch_size, self.drop_last, self.wrapper_class = datapipe, batch_size, drop_last, wrapper_class

    def __iter__(self):
        batch: list = []
        for item in self.datapipe:
            batch.append(item)
            if len(batch) == self.batch_size:
                yield self.wrapper_class(batch)
                batch = []
        if batch and not self.drop_last:
            yield self.wrapper_class(batch)

    def __len__(self):
        n = len(self.datapipe)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


@functional_datapipe("unbatch")
class UnBatcher(IterDataPipe):
    """Items of batches, taken apart by a number of levels, or wholly (-1)."""

    def __init__(self, datapipe, unbatch_level: int = 1):
        self.datapipe, self.unbatch_level = datapipe, unbatch_level

    def _parts(self, item, level):
        if level < -1:
            raise ValueError("unbatch_level must be -1 or >= 0")
        if level == 0 or (level == -1 and not isinstance(item, (list, DataChunk))):
            yield item
        elif isinstance(item, (list, DataChunk)):
            for part in item:
                yield from self._parts(part, level if level == -1 else level - 1)
        else:
            raise IndexError(f"unbatch_level {self.unbatch_level} exceeds the depth of the DataPipe")

    def __iter__(self):
        for item in self.datapipe:
            yield from self._parts(item, self.unbatch_level)


@functional_datapipe("groupby")
class Grouper(IterDataPipe):
    """Items gathered by the key that a function gives; groups come when they are full, or at the end."""

    def __init__(self, datapipe, group_key_fn: Callable, *, keep_key: bool = False, buffer_size: int = 10000,
                 group_size: int | None = None, guaranteed_group_size: int | None = None, drop_remaining: bool = False):
        if buffer_size <= 0:
            raise AssertionError("buffer_size must be larger than 0")
        self.datapipe, self.group_key_fn, self.keep_key, self.buffer_size = datapipe, group_key_fn, keep_key, buffer_size
        self.group_size, self.drop_remaining = group_size, drop_remaining
        self.guaranteed_group_size = guaranteed_group_size if guaranteed_group_size is not None else group_size

    def __iter__(self):
        groups: dict = {}
        held = 0

        def out(key):
            group = DataChunk(groups.pop(key))
            return (key, group) if self.keep_key else group

        for item in self.datapipe:
            key = self.group_key_fn(item)
            groups.setdefault(key, []).append(item)
            held += 1
            if self.group_size is not None and len(groups[key]) == self.group_size:
                held -= self.group_size
                yield out(key)
            elif held == self.buffer_size:
                largest = max(groups, key=lambda k: len(groups[k]))
                n = len(groups[largest])
                if self.guaranteed_group_size is not None and n < self.guaranteed_group_size and not self.drop_remaining:
                    raise RuntimeError("Failed to group items", str(groups[largest]))
                held -= n
                if self.guaranteed_group_size is None or n >= self.guaranteed_group_size:
                    yield out(largest)
                else:
                    del groups[largest]
        for key in list(groups):
            if self.drop_remaining and self.group_size is not None:
                continue
            yield out(key)


@functional_datapipe("concat")
class Concater(IterDataPipe):
    """One stream after the other."""

    def __init__(self, *datapipes):
        if not datapipes:
            raise ValueError("Expected at least one DataPipe, but got nothing")
        self.datapipes = datapipes

    def __iter__(self):
        for pipe in self.datapipes:
            yield from pipe

    def __len__(self):
        return sum(map(len, self.datapipes))


@functional_datapipe("zip")
class Zipper(IterDataPipe):
    """Tuples of the items of several streams, as long as the shortest."""

    def __init__(self, *datapipes):
        self.datapipes = datapipes

    def __iter__(self):
        yield from zip(*self.datapipes, strict=False)

    def __len__(self):
        return min(map(len, self.datapipes))


@functional_datapipe("mux")
class Multiplexer(IterDataPipe):
    """An item of each stream in turn, until one ends."""

    def __init__(self, *datapipes):
        self.datapipes = datapipes

    def __iter__(self):
        for items in zip(*self.datapipes, strict=False):
            yield from items

    def __len__(self):
        return min(map(len, self.datapipes)) * len(self.datapipes)


@functional_datapipe("shuffle")
class Shuffler(Shuffling, IterDataPipe):
    """Items in a random order, drawn from a buffer."""

    def __init__(self, datapipe, *, buffer_size: int = 10000, unbatch_level: int = 0):
        if buffer_size <= 0:
            raise ValueError("buffer_size should be larger than 0")
        self.datapipe = datapipe if unbatch_level == 0 else UnBatcher(datapipe, unbatch_level)
        self.buffer_size = buffer_size

    def __iter__(self):
        if not self._enabled:
            yield from self.datapipe
            return
        rng, buffer = self._generator(), []
        for item in self.datapipe:
            if len(buffer) == self.buffer_size:
                at = rng.randint(0, len(buffer) - 1)
                buffer[at], item = item, buffer[at]
                yield item
            else:
                buffer.append(item)
        while buffer:
            yield buffer.pop(rng.randint(0, len(buffer) - 1))

    def __len__(self):
        return len(self.datapipe)


class Sampler(IterDataPipe):
    """The indices that a sampler draws."""

    def __init__(self, datapipe, sampler=SequentialSampler, sampler_args=None, sampler_kwargs=None):
        self.sampler = sampler(data_source=datapipe, *(sampler_args or ()), **(sampler_kwargs or {}))  # noqa: B026

    def __iter__(self):
        return iter(self.sampler)

    def __len__(self):
        return len(self.sampler)


class SHARDING_PRIORITIES(enum.IntEnum):  # noqa: N801  (PyTorch's name)
    """Who deals items out: one of unknown kind, the processes of a group, or the workers of a loader in each of them."""

    DEFAULT = 1
    DISTRIBUTED = 2
    MULTIPROCESSING = 3


@functional_datapipe("sharding_filter")
class ShardingFilter(IterDataPipe):
    """One of every n items, for the worker or process that :meth:`apply_sharding` says.

    Args:
        sharding_group_filter: the one :class:`SHARDING_PRIORITIES` to go by, all by default.
    """

    def __init__(self, source_datapipe, sharding_group_filter=None):
        self.source_datapipe, self.sharding_group_filter = source_datapipe, sharding_group_filter
        self.groups: dict[int, tuple[int, int]] = {}
        self.num_of_instances, self.instance_id = 1, 0

    def apply_sharding(self, num_of_instances: int, instance_id: int, sharding_group=None) -> None:
        """Says which items to pass on: those of instance ``instance_id`` within its group; of several groups the later ones
        divide what falls to an instance of the earlier.

        Raises:
            ValueError: there is no such instance.
            RuntimeError: a group of unknown kind together with another.
        """
        if instance_id >= num_of_instances:
            raise ValueError(f"instance_id({instance_id}) should be smaller than num_of_instances({num_of_instances})")
        default = SHARDING_PRIORITIES.DEFAULT
        group = default if sharding_group is None else sharding_group
        if any((known == default) != (group == default) for known in self.groups):
            raise RuntimeError("ShardingFilter cannot mix DEFAULT and non DEFAULT groups")
        self.groups[group] = (num_of_instances, instance_id)
        self.num_of_instances, self.instance_id = 1, 0
        for key in sorted(self.groups, reverse=True):
            if self.sharding_group_filter in (None, key):
                count, number = self.groups[key]
                self.instance_id += self.num_of_instances * number
                self.num_of_instances *= count

    def __iter__(self):
        for i, item in enumerate(self.source_datapipe):
            if i % self.num_of_instances == self.instance_id:
                yield item

    def __len__(self):
        n = len(self.source_datapipe)
        return n // self.num_of_instances + (self.instance_id < n % self.num_of_instances)


class _Shared:
    """One stream that several pipes read; each has a queue of what it has not read yet.

    Args:
        route: from an item to the numbers of the pipes that get it.
    """

    def __init__(self, source, n, buffer_size, route):
        self.source, self.queues, self.limit, self.route = source, [deque() for _ in range(n)], buffer_size, route
        self.iterator = None

    def restart(self):
        """Begins again."""
        self.iterator = iter(self.source)
        for queue in self.queues:
            queue.clear()

    def next(self, number):
        """The next item of a pipe."""
        while not self.queues[number]:
            item = next(self.iterator)
            for other in self.route(item):
                self.queues[other].append(item)
                if other != number and 0 <= self.limit < len(self.queues[other]):
                    raise BufferError("DemultiplexerIterDataPipe buffer overflow, buffer size "
                                      f"{self.limit} is insufficient.")
        return self.queues[number].popleft()


class _Branch(IterDataPipe):
    """One of the pipes that read a stream."""

    def __init__(self, shared, number):
        self._stream, self._number, self._begun = shared, number, False

    def __iter__(self):
        if self._begun or self._stream.iterator is None:
            self._stream.restart()
            for branch in self._stream.branches:
                branch._begun = False
        self._begun = True
        while True:
            try:
                item = self._stream.next(self._number)
            except StopIteration:
                return
            yield item


def _branches(shared, n):
    shared.branches = [_Branch(shared, i) for i in range(n)]
    return shared.branches


@functional_datapipe("fork")
class Forker(IterDataPipe):
    """Several pipes that each give all items of one, which is read once."""

    def __new__(cls, datapipe, num_instances: int, buffer_size: int = 1000, copy=None):
        if num_instances < 1:
            raise ValueError(f"Expected `num_instances` larger than 0, but {num_instances} is found")
        return _branches(_Shared(datapipe, num_instances, buffer_size, lambda _: range(num_instances)), num_instances)


@functional_datapipe("demux")
class Demultiplexer(IterDataPipe):
    """Several pipes, to one of which a function sends each item."""

    def __new__(cls, datapipe, num_instances: int, classifier_fn: Callable, drop_none: bool = False,
                buffer_size: int = 1000):
        if num_instances < 1:
            raise ValueError(f"Expected `num_instances` larger than 0, but {num_instances} is found")

        def route(item):
            number = classifier_fn(item)
            if number is None and drop_none:
                return ()
            if number is None or not 0 <= number < num_instances:
                raise ValueError(f"Output of the classification fn should be between 0 and {num_instances - 1}. {number} is "
                                 "returned.")
            return (number,)

        return _branches(_Shared(datapipe, num_instances, buffer_size, route), num_instances)


class FileLister(IterDataPipe):
    """The paths of the files in folders, in order, that fit one of some patterns."""

    def __init__(self, root=".", masks="", *, recursive=False, abspath=False, non_deterministic=False, length=-1):
        self.roots = [root] if isinstance(root, (str, os.PathLike)) else root
        self.masks, self.length = masks, length
        self.options = {"recursive": recursive, "abspath": abspath, "non_deterministic": non_deterministic}

    def __iter__(self):
        for root in self.roots:
            yield from get_file_pathnames_from_root(os.fspath(root), self.masks, **self.options)

    def __len__(self):
        if self.length == -1:
            raise TypeError(f"{type(self).__name__} instance doesn't have valid length")
        return self.length


class FileOpener(IterDataPipe):
    """``(path, open file)`` of paths; a file is closed when nothing refers to it any more.

    Raises:
        ValueError: another mode, or an encoding of bytes.
    """

    def __init__(self, datapipe: Iterable[str], mode: str = "r", encoding=None, length: int = -1):
        if mode not in ("b", "t", "rb", "rt", "r"):
            raise ValueError(f"Invalid mode {mode}")
        if "b" in mode and encoding is not None:
            raise ValueError("binary mode doesn't take an encoding argument")
        self.datapipe, self.mode, self.encoding, self.length = datapipe, mode, encoding, length

    def __iter__(self):
        yield from get_file_binaries_from_pathnames(self.datapipe, self.mode, self.encoding)

    __len__ = FileLister.__len__


class StreamReader(IterDataPipe):
    """``(path, content)`` of open files, whole or in pieces of a number of bytes."""

    def __init__(self, datapipe, chunk=None):
        self.datapipe, self.chunk = datapipe, chunk

    def __iter__(self):
        for path, file in self.datapipe:
            while piece := file.read(-1 if self.chunk is None else self.chunk):
                yield path, piece
            file.close()
