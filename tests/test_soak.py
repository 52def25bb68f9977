"""A short form of ``scripts/soak.py``: memory stays flat with the garbage collector off, and threads do not disturb each
other."""

from __future__ import annotations

import gc
import importlib.util
import pathlib

import plugtorch as torch
import plugtorch.nn
import plugtorch.optim  # noqa: F401

spec = importlib.util.spec_from_file_location("soak", pathlib.Path(__file__).resolve().parent.parent / "scripts" / "soak.py")
soak = importlib.util.module_from_spec(spec)
spec.loader.exec_module(soak)


def test_training_leaves_no_cycle_behind(backend):
    """Graphs, views, hooks and optimizer state die by reference counts: the collector finds nothing of ours."""
    trainer = soak.Trainer(torch, 0)
    trainer.run(3)
    gc.collect()
    gc.disable()
    try:
        trainer.run(5)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = [type(o).__name__ for o in gc.garbage if type(o).__module__.startswith("plugtorch")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []


def test_threads_train_as_if_alone(backend):
    assert soak.side_by_side(torch, backend, threads=4, steps=10) == 0


def test_memory_stays_flat(backend):
    sizes, _ = soak.soak(torch, 300)
    assert sizes[-1] - sizes[0] < 8, sizes
