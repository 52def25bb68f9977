"""Steps of maps; names of ``torch.utils.data.datapipes.map``."""

from __future__ import annotations

from collections.abc import Callable

from .datapipe import DataChunk, IterDataPipe, MapDataPipe, deep_copied, functional_datapipe
from .shuffling import Shuffling

__all__ = ["Batcher", "Concater", "Mapper", "SequenceWrapper", "Shuffler", "Zipper"]


def default_fn(data):
    """What it is given."""
    return data


class SequenceWrapper(MapDataPipe):
    """The items of a sequence or mapping, of a copy of it unless ``deepcopy`` is False."""

    def __init__(self, sequence, deepcopy=True):
        self.sequence = deep_copied(sequence) if deepcopy else sequence

    def __getitem__(self, index):
        return self.sequence[index]

    def __len__(self):
        return len(self.sequence)


@functional_datapipe("map")
class Mapper(MapDataPipe):
    """``fn`` of every item."""

    def __init__(self, datapipe, fn: Callable = default_fn):
        self.datapipe, self.fn = datapipe, fn

    def __getitem__(self, index):
        return self.fn(self.datapipe[index])

    def __len__(self):
        return len(self.datapipe)


@functional_datapipe("batch")
class Batcher(MapDataPipe):
    """Items gathered into batches."""

    def __init__(self, datapipe, batch_size: int, drop_last: bool = False, wrapper_class=DataChunk):
        if batch_size <= 0:
            raise AssertionError("Batch size is required to be larger than 0!")
        self.datapipe, self.batch_size, self.drop_last, self.wrapper_class = datapipe, batch_size, drop_last, wrapper_class

    def __getitem__(self, index):
        begin, n = index * self.batch_size, len(self.datapipe)
        if index < 0 or begin >= n or (self.drop_last and begin + self.batch_size > n):
            raise IndexError(f"Index {index} is out of bound.")
        return self.wrapper_class([self.datapipe[i] for i in range(begin, min(begin + self.batch_size, n))])

    def __len__(self):
        n = len(self.datapipe)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


@functional_datapipe("concat")
class Concater(MapDataPipe):
    """One map after the other, their keys being numbers."""

    def __init__(self, *datapipes):
        if not datapipes:
            raise ValueError("Expected at least one DataPipe, but got nothing")
        self.datapipes = datapipes

    def __getitem__(self, index):
        at = index
        for pipe in self.datapipes:
            if at < len(pipe):
                return pipe[at]
            at -= len(pipe)
        raise IndexError(f"Index {index} is out of range.")

    def __len__(self):
        return sum(map(len, self.datapipes))


@functional_datapipe("zip")
class Zipper(MapDataPipe):
    """Tuples of the items of several maps."""

    def __init__(self, *datapipes):
        if not datapipes:
            raise ValueError("Expected at least one DataPipe, but got nothing")
        self.datapipes = datapipes

    def __getitem__(self, index):
        return tuple(pipe[index] for pipe in self.datapipes)

    def __len__(self):
        return min(map(len, self.datapipes))


class Shuffler(Shuffling, IterDataPipe):
    """The items of a map in a random order."""

    def __init__(self, datapipe, *, indices: list | None = None):
        self.datapipe, self.indices = datapipe, indices

    def __iter__(self):
        order = list(range(len(self.datapipe)) if self.indices is None else self.indices)
        if self._enabled:
            order = self._generator().sample(order, len(order))[::-1]
        for index in order:
            yield self.datapipe[index]

    def __len__(self):
        return len(self.datapipe)


MapDataPipe.register_datapipe_as_function("shuffle", Shuffler)
