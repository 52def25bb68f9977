"""Fetchers: from what a sampler gives to a batch of a dataset."""

from __future__ import annotations

import itertools

from .collate import default_collate


class MapFetcher:
    """Batches of a dataset with indices.

    Attributes:
        endless: whether there is no end but that of the indices.
    """

    endless = True

    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        self.dataset, self.auto_collation, self.collate_fn = dataset, auto_collation, collate_fn
        # Selecting the rows of a batch at once gives what stacking them one by one gives.
        self._gather = getattr(dataset, "_gather", None) if collate_fn is default_collate else None

    def fetch(self, indices):
        """The collated samples of a list of indices, or the converted sample of one index."""
        if not self.auto_collation:
            return self.collate_fn(self.dataset[indices])
        if self._gather is not None:
            batch = self._gather(indices)
            if batch is not None:
                return batch
        many = getattr(self.dataset, "__getitems__", None)
        samples = many(indices) if many else [self.dataset[i] for i in indices]
        return self.collate_fn(samples)


class IterableFetcher:
    """Batches of a dataset without indices: the sampler gives only their sizes."""

    endless = False

    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        self.auto_collation, self.collate_fn, self.drop_last = auto_collation, collate_fn, drop_last
        self.source = iter(dataset)
        self.ended = False

    def fetch(self, indices):
        """The next batch.

        Raises:
            StopIteration: the dataset has no more samples.
        """
        if self.ended:
            raise StopIteration
        if not self.auto_collation:
            return self.collate_fn(next(self.source))
        samples = list(itertools.islice(self.source, len(indices)))
        if len(samples) < len(indices):
            self.ended = True
        if not samples or self.drop_last and self.ended:
            raise StopIteration
        return self.collate_fn(samples)
