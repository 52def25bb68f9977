"""What a data loader does for data pipes: a shuffle setting, common seeds, and a part of the items for every worker of every
process. Programs without pipes, or without several processes, do not import what is needed for them."""

from __future__ import annotations

import functools
import sys

from plugtorch.frontend.random import Generator

from ..sampler import draw_seed

_PIPES = "plugtorch.frontend.utils.data.datapipes.datapipe"
_DISTRIBUTED = "plugtorch.frontend.distributed"


def is_pipe(dataset, kinds=("IterDataPipe", "MapDataPipe")) -> bool:
    """Whether a dataset is a data pipe of some kind."""
    module = sys.modules.get(_PIPES)
    return module is not None and isinstance(dataset, tuple(getattr(module, kind) for kind in kinds))


def _group():
    """The module of process groups where there is a group, else None."""
    module = sys.modules.get(_DISTRIBUTED)
    return module if module is not None and module.is_initialized() else None


def set_shuffle(dataset, shuffle) -> None:
    """Switches the shuffling of a pipe on or off; None leaves it. As in PyTorch, a pipe without a shuffling step keeps its
    order, with a warning."""
    from ..datapipes.graph import apply_shuffle_settings

    apply_shuffle_settings(dataset, shuffle)


def share_seed(dataset, generator) -> int | None:
    """Draws a seed for the random steps of a stream of pipes, the same in all processes, and gives it to them; None for
    other datasets."""
    if not is_pipe(dataset, ("IterDataPipe",)):
        return None
    seed = draw_seed(generator)
    group = _group()
    if group is not None:
        common = [seed]
        group.broadcast_object_list(common, src=0)
        (seed,) = common
    apply_seed(dataset, seed)
    return seed


def apply_seed(dataset, seed: int) -> None:
    """Gives every random step of a pipe a seed drawn from one seed."""
    from ..datapipes.graph import apply_random_seed

    apply_random_seed(dataset, Generator().manual_seed(seed))


def share_out(dataset, workers: int = 1, worker: int = 0, world: int | None = None, rank: int = 0) -> None:
    """Tells a pipe which items are for this process and, of them, for one of its workers; other datasets are left alone."""
    if not is_pipe(dataset):
        return
    from ..datapipes.graph import apply_sharding

    if world is None:
        world, rank = _place()
    apply_sharding(dataset, workers * world, worker * world + rank)


def _place():
    group = _group()
    return (1, 0) if group is None else (group.get_world_size(), group.get_rank())


def worker_init(dataset, init_fn):
    """What a worker calls first: ``init_fn``, after :func:`share_out` for pipes."""
    return functools.partial(_init, init_fn, *_place()) if is_pipe(dataset) else init_fn


def _init(init_fn, world, rank, worker):
    from .worker import get_worker_info

    info = get_worker_info()
    share_out(info.dataset, info.num_workers, worker, world, rank)
    if init_fn is not None:
        init_fn(worker)
