"""What the shufflers of streams and of maps share."""

from __future__ import annotations

import random

from plugtorch.frontend import functions as fn
from plugtorch.spec.dtypes import int64


class Shuffling:
    """Whether to shuffle, and the seed of the next pass."""

    _enabled, _seed = True, None

    def set_shuffle(self, shuffle: bool = True):
        """Says whether to shuffle; returns itself."""
        self._enabled = shuffle
        return self

    def set_seed(self, seed: int):
        """Sets the seed of the next pass; returns itself."""
        self._seed = seed
        return self

    def _generator(self) -> random.Random:
        """Python's generator for one pass, at the seed that was set, else at one that the default generator draws."""
        seed = int(fn.empty((), dtype=int64).random_().item()) if self._seed is None else self._seed
        self._seed = None
        return random.Random(seed)
