"""The pipes that a pipe is made of, and settings that go to all of them."""

from __future__ import annotations

import random
import warnings

from .datapipe import IterDataPipe, MapDataPipe

__all__ = ["apply_random_seed", "apply_sharding", "apply_shuffle_settings", "apply_shuffle_seed", "get_all_graph_pipes",
           "traverse", "traverse_dps"]

_PIPES = (IterDataPipe, MapDataPipe)


def _inside(value, seen):
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, _PIPES):
        yield value
    elif isinstance(value, (list, tuple, set)):
        for part in value:
            yield from _inside(part, seen)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _inside(part, seen)
    elif type(value).__name__ == "_Shared":
        yield from _inside(value.source, seen)


def traverse_dps(datapipe) -> dict:
    """``{id: (pipe, graph of the pipes it is made of)}``."""
    seen = {id(datapipe)}
    inside: dict = {}
    for value in vars(datapipe).values():
        for pipe in _inside(value, seen):
            inside.update(traverse_dps(pipe))
    return {id(datapipe): (datapipe, inside)}


def traverse(datapipe, only_datapipe=None) -> dict:
    """:func:`traverse_dps`."""
    return traverse_dps(datapipe)


def get_all_graph_pipes(graph: dict) -> list:
    """All pipes of a graph, each once."""
    found: dict = {}

    def visit(part):
        for number, (pipe, inside) in part.items():
            found.setdefault(number, pipe)
            visit(inside)

    visit(graph)
    return list(found.values())


def apply_sharding(datapipe, num_of_instances: int, instance_id: int, sharding_group=None):
    """Tells every sharding pipe which items to pass on; returns the pipe.

    Raises:
        RuntimeError: one sharding pipe is made of another: most items would be lost.
    """

    def visit(graph, above):
        for pipe, inside in graph.values():
            below = above
            if hasattr(type(pipe), "apply_sharding"):
                if above is not None:
                    raise RuntimeError("Sharding twice on a single pipeline is likely unintended and will cause data loss. "
                                       f"Sharding already applied to {above} while trying to apply to {pipe}")
                pipe.apply_sharding(num_of_instances, instance_id, sharding_group)
                below = pipe
            visit(inside, below)

    visit(traverse_dps(datapipe), None)
    return datapipe


def apply_shuffle_settings(datapipe, shuffle: bool | None = None):
    """Switches every shuffling pipe on or off; None leaves them. Returns the pipe, with a shuffling step after it, and a
    warning, if there is none to switch on."""
    if shuffle is None:
        return datapipe
    shufflers = [pipe for pipe in get_all_graph_pipes(traverse_dps(datapipe)) if hasattr(type(pipe), "set_shuffle")]
    if shuffle and not shufflers:
        warnings.warn("`shuffle=True` was set, but the datapipe does not contain a `Shuffler`. Adding one at the end. Be "
                      "aware that the default buffer size might not be sufficient for your task.", stacklevel=2)
        datapipe = datapipe.shuffle()
        shufflers = [datapipe]
    for pipe in shufflers:
        pipe.set_shuffle(shuffle)
    return datapipe


def apply_random_seed(datapipe, rng):
    """Gives every random pipe a seed drawn from a generator; returns the pipe."""
    from plugtorch.frontend import functions as fn
    from plugtorch.spec.dtypes import int64

    for pipe in get_all_graph_pipes(traverse_dps(datapipe)):
        if hasattr(type(pipe), "set_seed"):
            seed = rng.getrandbits(62) if isinstance(rng, random.Random) else \
                int(fn.empty((), dtype=int64).random_(generator=rng).item())
            pipe.set_seed(seed)
    return datapipe


apply_shuffle_seed = apply_random_seed
