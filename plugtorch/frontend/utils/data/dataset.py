"""Datasets: collections of samples, by index or by iteration."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from plugtorch.frontend import functions as fn
from plugtorch.frontend import random as host
from plugtorch.frontend.dispatch import transfer_like
from plugtorch.frontend.random import Generator, default_generator
from plugtorch.frontend.tensor import Tensor

__all__ = ["ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset", "TensorDataset",
           "random_split"]

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Dataset(Generic[T_co]):
    """A map from indices to samples: subclasses define ``__getitem__`` and mostly ``__len__``.

    A subclass may also define ``__getitems__(indices)``, which returns the list of samples of a batch at once.
    """

    def __getitem__(self, index) -> T_co:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Dataset[T_co]) -> ConcatDataset[T_co]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """A stream of samples: subclasses define ``__iter__``.

    Each worker process iterates over its own copy; use :func:`get_worker_info` to give them different parts.
    """

    def __add__(self, other: Dataset[T_co]) -> ChainDataset:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Samples are rows of tensors that have the same size in dimension 0.

    Raises:
        AssertionError: the sizes differ.
    """

    def __init__(self, *tensors: Tensor) -> None:
        if any(tensors[0].size(0) != t.size(0) for t in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index):
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].size(0)

    def _gather(self, indices: list[int]) -> list[Tensor] | None:
        """The collated batch of samples ``indices`` by one selection per tensor; None where it must be built sample by
        sample: a subclass with its own samples, or indices that are out of range or not numbers."""
        kind, n = type(self), len(self)
        if kind.__getitem__ is not TensorDataset.__getitem__ or not self.tensors or hasattr(kind, "__getitems__"):
            return None
        if not indices or not all(type(i) is int and -n <= i < n for i in indices):
            return None
        where = fn.tensor([i + n if i < 0 else i for i in indices])
        return [t.index_select(0, transfer_like(where, t)) for t in self.tensors]


class StackDataset(Dataset[Any]):
    """Samples of several datasets side by side: tuples for positional datasets, dicts for named ones.

    Raises:
        ValueError: lengths differ, no dataset is given, or both kinds are.
    """

    datasets: tuple | dict

    def __init__(self, *args: Dataset, **kwargs: Dataset) -> None:
        if args and kwargs:
            raise ValueError("Supported either ``tuple``- (via ``args``) or``dict``- (via ``kwargs``) like "
                             "input/output, but both types are given.")
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        every = list(args or kwargs.values())
        self._length = len(every[0])
        if any(len(d) != self._length for d in every):
            raise ValueError("Size mismatch between datasets")
        self.datasets = args or kwargs

    def __getitem__(self, index):
        if isinstance(self.datasets, dict):
            return {name: d[index] for name, d in self.datasets.items()}
        return tuple(d[index] for d in self.datasets)

    def __getitems__(self, indices: list) -> list:
        """The samples of a batch; datasets with ``__getitems__`` of their own are asked once.

        Raises:
            ValueError: such a dataset returned another number of samples than asked for.
        """
        named = isinstance(self.datasets, dict)
        names, every = (list(self.datasets), self.datasets.values()) if named else ((), self.datasets)
        columns = [_samples(d, indices) for d in every]
        for column in columns:
            if len(column) != len(indices):
                raise ValueError(f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(column)}")
        return [dict(zip(names, row, strict=True)) if named else row for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T_co]):
    """One dataset after another.

    Attributes:
        datasets: the parts.
        cumulative_sizes: the total length up to and with each part.

    Raises:
        AssertionError: no part, or one without indices.
    """

    datasets: list[Dataset[T_co]]
    cumulative_sizes: list[int]

    @staticmethod
    def cumsum(sequence) -> list[int]:
        """Running totals of the lengths of datasets."""
        return list(itertools.accumulate(len(d) for d in sequence))

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx):
        if idx < 0:
            if -idx > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            idx += len(self)
        part = bisect.bisect_right(self.cumulative_sizes, idx)
        return self.datasets[part][idx - self.cumulative_sizes[part - 1] if part else idx]

    @property
    def cummulative_sizes(self) -> list[int]:
        """The misspelt old name of :attr:`cumulative_sizes`."""
        warnings.warn("`cummulative_sizes` attribute is renamed to `cumulative_sizes`", FutureWarning, stacklevel=2)
        return self.cumulative_sizes


class ChainDataset(IterableDataset):
    """One stream after another.

    Raises:
        AssertionError: during iteration, for a part that is no IterableDataset.
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        super().__init__()
        self.datasets = datasets

    @staticmethod
    def _checked(dataset):
        if not isinstance(dataset, IterableDataset):
            raise AssertionError("ChainDataset only supports IterableDataset")
        return dataset

    def __iter__(self) -> Iterator:
        for d in self.datasets:
            yield from self._checked(d)

    def __len__(self) -> int:
        return sum(len(self._checked(d)) for d in self.datasets)


class Subset(Dataset[T_co]):
    """Some samples of a dataset, given by their indices."""

    dataset: Dataset[T_co]
    indices: Sequence[int]

    def __init__(self, dataset: Dataset[T_co], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx):
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        return _samples(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)

    def _gather(self, indices):
        kind = type(self)
        if kind.__getitem__ is not Subset.__getitem__ or kind.__getitems__ is not Subset.__getitems__:
            return None
        gather = getattr(self.dataset, "_gather", None)
        if gather is None or not isinstance(self.indices, (list, range)):
            return None
        try:
            return gather([self.indices[i] for i in indices])
        except (IndexError, TypeError):  # the ordinary way names the faulty index
            return None


def _samples(dataset, indices) -> list:
    many = getattr(dataset, "__getitems__", None)
    return many(indices) if callable(many) else [dataset[i] for i in indices]


def random_split(dataset: Dataset[T], lengths: Sequence[int | float],
                 generator: Generator | None = default_generator) -> list[Subset[T]]:
    """Splits a dataset at random into parts of given lengths, or of given fractions that add up to 1.

    What fractions leave over goes to the parts in turn, one sample each.

    Raises:
        ValueError: the lengths do not add up to that of the dataset, or a fraction is outside [0, 1].
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        sizes = []
        for i, fraction in enumerate(lengths):
            if not 0 <= fraction <= 1:
                raise ValueError(f"Fraction at index {i} is not between 0 and 1")
            sizes.append(math.floor(total * fraction))
        for i in range(total - sum(sizes)):
            sizes[i % len(sizes)] += 1
        lengths = sizes
        for i, length in enumerate(lengths):
            if length == 0:
                warnings.warn(f"Length of split at index {i} is 0. This might result in an empty dataset.",
                              stacklevel=2)
    if sum(lengths) != total:
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    order = host.randperm(default_generator if generator is None else generator, total).tolist()
    ends = itertools.accumulate(lengths)
    return [Subset(dataset, order[end - length:end]) for end, length in zip(ends, lengths, strict=True)]
