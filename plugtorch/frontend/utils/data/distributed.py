"""The sampler that gives each of several processes its share of a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

from plugtorch.frontend import random as host
from plugtorch.frontend.random import Generator

from .sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index, starting at ``rank``, of a common order.

    The order is a permutation seeded with ``seed + epoch`` (call :meth:`set_epoch` before each epoch), or 0..n-1
    without ``shuffle``. It is made evenly divisible: by leaving out its end with ``drop_last``, else by starting over.

    Without ``num_replicas`` and ``rank`` they are those of this process in the default process group.

    Raises:
        ValueError: one of them is missing and there is no process group, or ``rank`` is out of range.
    """

    def __init__(self, dataset: Sized, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
                 seed: int = 0, drop_last: bool = False) -> None:
        if num_replicas is None or rank is None:
            from plugtorch.frontend import distributed  # sockets and threads, which most programs never need

            num_replicas = distributed.get_world_size() if num_replicas is None else num_replicas
            rank = distributed.get_rank() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        n = len(dataset)
        self.num_samples = n // num_replicas if drop_last else math.ceil(n / num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        if self.shuffle:
            generator = Generator().manual_seed(self.seed + self.epoch)
            order = host.randperm(generator, n).tolist()
        else:
            order = list(range(n))
        if not self.drop_last and order:
            order = order * math.ceil(self.total_size / n)
        return iter(order[:self.total_size][self.rank::self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Chooses the permutation of the next iteration; the same number on all processes."""
        self.epoch = epoch
