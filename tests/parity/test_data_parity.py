"""Datasets, samplers and loaders give PyTorch's samples in PyTorch's order."""

from __future__ import annotations

import collections
import gc
import importlib
import os
import random
import re
import signal
import time
import types
import warnings

import numpy as np
import pytest

import plugtorch
from plugtorch.utils import data as plug_data

torch = pytest.importorskip("torch")
from torch.utils import data as torch_data  # noqa: E402

Pair = collections.namedtuple("Pair", "a b")
LIBRARIES = (types.SimpleNamespace(m=torch, d=torch_data), types.SimpleNamespace(m=plugtorch, d=plug_data))


class Squares:
    def __init__(self, n=23):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return np.float32(i * i), i


def plain(x):
    """Nested plain values, with the dtypes of tensors."""
    if hasattr(x, "tolist") and hasattr(x, "dtype"):
        return x.tolist(), str(x.dtype).split(".")[-1]
    if isinstance(x, dict):
        return type(x).__name__, {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x).__name__, [plain(v) for v in x]
    return x


def both(function, seed=0):
    """The results of ``function(library)`` in both, after which the streams must stand at the same place."""
    out = []
    for library in LIBRARIES:
        library.m.manual_seed(seed)
        out.append((plain(function(library)), library.m.get_rng_state().numpy().tobytes()))
    assert out[1][0] == out[0][0]
    assert out[1][1] == out[0][1]


def tensors(m, n=23):
    return m.d.TensorDataset(m.m.arange(float(n)), m.m.arange(2 * n).reshape(n, 2))


LOADERS = {
    "plain": lambda m: m.d.DataLoader(tensors(m), batch_size=4),
    "shuffled": lambda m: m.d.DataLoader(tensors(m), batch_size=4, shuffle=True),
    "drop": lambda m: m.d.DataLoader(tensors(m), batch_size=4, shuffle=True, drop_last=True),
    "generator": lambda m: m.d.DataLoader(tensors(m), 4, True, generator=m.m.Generator().manual_seed(5)),
    "unbatched": lambda m: m.d.DataLoader(tensors(m), None),
    "subset": lambda m: m.d.DataLoader(m.d.Subset(tensors(m), [5, 3, 1, -1]), 3, True),
    "concat": lambda m: m.d.DataLoader(tensors(m) + tensors(m, 5), 4, True),
    "numbers": lambda m: m.d.DataLoader(Squares(), 4, True),
    "batch sampler": lambda m: m.d.DataLoader(Squares(), batch_sampler=[[1, 2], [7], [0, 3, 5]]),
    "weighted": lambda m: m.d.DataLoader(Squares(), 4, sampler=m.d.WeightedRandomSampler([1, 5, 2], 9)),
    "without replacement": lambda m: m.d.DataLoader(
        Squares(), 4, sampler=m.d.WeightedRandomSampler([1, 5, 2, 7], 3, False)),
    "subset sampler": lambda m: m.d.DataLoader(Squares(), 4, sampler=m.d.SubsetRandomSampler([1, 5, 9, 2])),
    "replacement": lambda m: m.d.DataLoader(Squares(), 4, sampler=m.d.RandomSampler(Squares(), True, 70)),
    "more samples": lambda m: m.d.DataLoader(Squares(), 4, sampler=m.d.RandomSampler(Squares(), num_samples=50)),
    "distributed": lambda m: m.d.DataLoader(Squares(), 4, sampler=m.d.DistributedSampler(Squares(), 3, 1)),
}


@pytest.mark.parametrize("case", sorted(LOADERS))
@pytest.mark.parametrize("seed", [0, 7])
def test_order_over_epochs(case, seed):
    def epochs(m):
        loader = LOADERS[case](m)
        return [[batch for batch in loader] for _ in range(3)] + [len(loader)]

    both(epochs, seed)


@pytest.mark.parametrize("case", ["shuffled", "generator", "numbers"])
def test_broken_off_epoch(case):
    def epochs(m):
        loader = LOADERS[case](m)
        first = next(iter(loader))
        return [first, *loader]

    both(epochs)


class Draws:
    """Samples drawn from the generators of the worker."""

    def __init__(self, m):
        self.m = m

    def __len__(self):
        return 8

    def __getitem__(self, i):
        return float(self.m.rand(())), random.random(), float(np.random.rand()), i


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_order_and_seeds(persistent):
    def epochs(m):
        loader = m.d.DataLoader(Draws(m.m), 2, True, num_workers=2, persistent_workers=persistent)
        return [list(loader) for _ in range(3)]

    both(epochs)


class Stream:
    """0..n-1, split over workers; an iterable dataset of either library."""

    def make(self, d, n, split=True):
        class Numbers(d.IterableDataset):
            def __iter__(self):
                info = d.get_worker_info()
                if info is None or not split:
                    return iter(range(n))
                return iter(range(info.id, n, info.num_workers))

            def __len__(self):
                return n

        return Numbers()


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("batch_size, drop_last", [(3, False), (3, True), (None, False)])
@pytest.mark.parametrize("split", [True, False])
@pytest.mark.filterwarnings("ignore:Length of IterableDataset")
def test_iterable(workers, batch_size, drop_last, split):
    def epochs(m):
        dataset = Stream().make(m.d, 11, split)
        loader = m.d.DataLoader(dataset, batch_size, num_workers=workers, drop_last=drop_last)
        return [list(loader), list(loader)]

    both(epochs)


def test_length_of_iterables():
    for size in (1, None):
        def warned(m, size=size):
            loader = m.d.DataLoader(Stream().make(m.d, 3, split=False), size, num_workers=2)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                n = len(loader), len(list(loader))
            return [n, sum("was reported to be 3" in str(w.message) for w in caught)]

        both(warned)


COLLATED = {
    "integers": [1, 2], "floats": [1.0, 2], "bools": [True, False], "text": ["a", "b"], "bytes": [b"a"],
    "scalars": [np.float32(1), np.float32(2)], "bool scalars": [np.bool_(True), np.bool_(False)],
    "arrays": [np.ones(2), np.zeros(2)], "0-d": [np.array(1.0), np.array(2.0)],
    "mixed arrays": [np.ones(2, np.float32), np.zeros(2)],
    "named": [Pair(1, 2), Pair(3, 4)], "dicts": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    "tuples": [(1, 2.0), (3, 4.0)], "lists": [[1, 2], [3, 4]], "ordered": [collections.OrderedDict(a=1)],
    "default": [collections.defaultdict(int, a=1)], "ranges": [range(3), range(3)],
    "nested": [{"a": [1, (2.0, "s")]}, {"a": [3, (4.0, "t")]}],
    "ragged": [[1, 2], [3]], "object": [object()], "none": [None], "array of text": [np.array("a")], "set": [{1}],
    "complex": [1 + 2j], "missing key": [{"a": 1}, {"b": 2}], "empty": [], "shapes": [np.ones(2), np.ones(3)],
}


@pytest.mark.parametrize("case", sorted(COLLATED))
@pytest.mark.parametrize("function", ["default_collate", "default_convert"])
def test_collate(case, function):
    results = []
    for m in LIBRARIES:
        try:
            results.append(plain(getattr(m.d, function)(COLLATED[case])))
        except Exception as error:
            results.append((type(error), str(error)))
    assert results[1] == results[0]


def test_stack_and_split():
    both(lambda m: list(m.d.DataLoader(m.d.StackDataset(tensors(m), Squares()), 4, True)))
    both(lambda m: list(m.d.DataLoader(m.d.StackDataset(a=tensors(m), b=Squares()), 4, True)))
    both(lambda m: [list(s.indices) for s in m.d.random_split(Squares(), [10, 13])])
    both(lambda m: [list(s.indices) for s in m.d.random_split(Squares(), [0.3, 0.3, 0.4])])
    both(lambda m: [list(s.indices) for s in m.d.random_split(Squares(), [0.5, 0.5], m.m.Generator().manual_seed(3))])


ERRORS = {
    "tensor sizes": lambda m: m.d.TensorDataset(m.m.ones(2), m.m.ones(3)),
    "stack none": lambda m: m.d.StackDataset(),
    "stack both": lambda m: m.d.StackDataset([1], a=[1]),
    "stack sizes": lambda m: m.d.StackDataset([1], [1, 2]),
    "concat none": lambda m: m.d.ConcatDataset([]),
    "concat index": lambda m: m.d.ConcatDataset([Squares()])[-24],
    "chain": lambda m: list(m.d.ChainDataset([Squares()])),
    "no getitem": lambda m: m.d.Dataset()[0],
    "no len": lambda m: len(m.d.Dataset()),
    "split": lambda m: m.d.random_split(Squares(), [3, 3]),
    "replacement": lambda m: m.d.RandomSampler(Squares(), replacement=5),
    "num_samples": lambda m: m.d.RandomSampler(Squares(), num_samples=-1),
    "empty": lambda m: m.d.RandomSampler([]),
    "weights": lambda m: m.d.WeightedRandomSampler([[1, 2]], 3),
    "batch size": lambda m: m.d.BatchSampler([1], 0, False),
    "drop_last": lambda m: m.d.BatchSampler([1], 1, 3),
    "rank": lambda m: m.d.DistributedSampler(Squares(), 3, 3),
    "workers": lambda m: m.d.DataLoader(Squares(), num_workers=-1),
    "timeout": lambda m: m.d.DataLoader(Squares(), timeout=-1),
    "prefetch": lambda m: m.d.DataLoader(Squares(), prefetch_factor=2),
    "prefetch sign": lambda m: m.d.DataLoader(Squares(), num_workers=1, prefetch_factor=-2),
    "persistent": lambda m: m.d.DataLoader(Squares(), persistent_workers=True),
    "iterable shuffle": lambda m: m.d.DataLoader(Stream().make(m.d, 3), shuffle=True),
    "iterable sampler": lambda m: m.d.DataLoader(Stream().make(m.d, 3), sampler=[1]),
    "iterable batches": lambda m: m.d.DataLoader(Stream().make(m.d, 3), batch_sampler=[[1]]),
    "sampler shuffle": lambda m: m.d.DataLoader(Squares(), sampler=[1], shuffle=True),
    "batch sampler": lambda m: m.d.DataLoader(Squares(), batch_sampler=[[1]], batch_size=2),
    "none drop": lambda m: m.d.DataLoader(Squares(), None, drop_last=True),
    "context alone": lambda m: m.d.DataLoader(Squares(), multiprocessing_context="fork"),
    "context name": lambda m: m.d.DataLoader(Squares(), num_workers=1, multiprocessing_context="bogus"),
    "context type": lambda m: m.d.DataLoader(Squares(), num_workers=1, multiprocessing_context=5),
    "set": lambda m: setattr(m.d.DataLoader(Squares()), "batch_size", 3),
}


@pytest.mark.parametrize("case", sorted(ERRORS))
def test_errors(case):
    seen = []
    for m in LIBRARIES:
        with pytest.raises(Exception) as caught:  # noqa: B017  (the type is compared below)
            ERRORS[case](m)
        seen.append((type(caught.value), str(caught.value)))
    assert seen[1] == seen[0]


class Eager:
    """A sampler that draws when its iteration begins."""

    def __init__(self, m):
        self.m = m

    def __iter__(self):
        return iter(self.m.randperm(9).tolist())

    def __len__(self):
        return 9


@pytest.mark.parametrize("workers, persistent", [(0, False), (1, False), (1, True)])
def test_sampler_that_draws_at_once(workers, persistent):
    def epochs(m):
        loader = m.d.DataLoader(Squares(9), 2, sampler=Eager(m.m), num_workers=workers, persistent_workers=persistent)
        return [list(loader) for _ in range(3)]

    both(epochs)


class Part:
    """A part of a batch that is not a tensor and can be pinned."""

    def __init__(self):
        self.pinned = False

    def pin_memory(self):
        self.pinned = True
        return self


def test_pinning_parts_of_batches():
    from torch.utils.data._utils.pin_memory import pin_memory as theirs

    from plugtorch.utils.data._utils.pin_memory import pin_memory as ours

    seen = []
    for pin in (theirs, ours):
        batch = pin({"a": Part(), "b": [Part(), "s", b"x", 3], "c": (Part(),), "d": Pair(Part(), range(2))})
        seen.append((batch["a"].pinned, batch["b"][0].pinned, batch["b"][1:], type(batch["c"]), batch["c"][0].pinned,
                     type(batch["d"]), batch["d"].a.pinned, batch["d"].b))
    assert seen[1] == seen[0]


class Ends(Squares):
    """A dataset whose sample 5 ends the process, or does not come."""

    def __init__(self, act):
        super().__init__(8)
        self.act = act

    def __getitem__(self, i):
        return self.act() if i == 5 else i


class Told(Exception):
    message = "one"

    def __init__(self, message):
        super().__init__(message)


def raise_told():
    raise Told("one")


def end_later(act, argument):
    """After what was made is sent: an end in the middle of a message is an EOFError in PyTorch."""
    time.sleep(0.2)
    act(argument)


FAILURES = {
    "killed": (lambda m: Ends(lambda: end_later(signal.raise_signal, signal.SIGKILL)), {}),
    "terminated": (lambda m: Ends(lambda: end_later(signal.raise_signal, signal.SIGTERM)), {}),
    "exit code": (lambda m: Ends(lambda: end_later(os._exit, 3)), {}),
    "late": (lambda m: Ends(lambda: time.sleep(0.8) or 5), {"timeout": 0.3}),
    "message": (lambda m: Ends(raise_told), {}),
    "prefetch": (lambda m: Squares(), {"prefetch_factor": 0}),
    "timeout": (lambda m: Squares(), {"num_workers": 0, "timeout": 3}),
    "pickling": (lambda m: Ends(lambda: 1), {"multiprocessing_context": "spawn"}),
}


@pytest.mark.parametrize("case", sorted(FAILURES))
@pytest.mark.filterwarnings("ignore:Got pickle error", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_failures_of_workers(case):
    """The types and messages of the error and its cause; of tracebacks the first and the last line."""
    make, options = FAILURES[case]
    seen = []
    for m in LIBRARIES:
        with pytest.raises(Exception) as caught:  # noqa: B017  (the type is compared below)
            list(m.d.DataLoader(make(m), 2, **{"num_workers": 1, **options}))
        error, cause = caught.value, caught.value.__cause__
        lines = [re.sub(r"pid(\(s\))? \d+", "pid", line) for e in (error, cause) for line in str(e).strip().splitlines()]
        seen.append((type(error), type(cause), lines[0], lines[-1]))
        del caught, error, cause
        gc.collect()
    assert seen[1] == seen[0]


def pipes(m):
    name = f"{m.d.__name__}.datapipes.iter"
    return importlib.import_module(name).IterableWrapper(range(12)).shuffle().sharding_filter()


@pytest.mark.parametrize("workers, persistent", [(0, False), (2, False), (2, True)])
@pytest.mark.parametrize("shuffle", [None, True, False])
def test_loader_of_pipes(workers, persistent, shuffle):
    """Every worker gets its part of one common order."""
    def epochs(m):
        loader = m.d.DataLoader(pipes(m), 2, shuffle=shuffle, num_workers=workers, persistent_workers=persistent)
        return [list(loader) for _ in range(2)]

    both(epochs)


def test_pipes_that_cannot_be_shuffled_or_shared_out():
    for m in LIBRARIES:
        wrapper = importlib.import_module(f"{m.d.__name__}.datapipes.iter").IterableWrapper
        with pytest.warns(UserWarning, match="does not contain a `Shuffler`. Adding one"):
            assert [b.tolist() for b in m.d.DataLoader(wrapper(range(3)), 3, shuffle=True)] == [[0, 1, 2]]
        with pytest.raises(RuntimeError, match="Sharding twice on a single pipeline is likely unintended"):
            list(m.d.DataLoader(pipes(m).sharding_filter()))
