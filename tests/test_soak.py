"""Short forms of ``scripts/soak.py`` and ``scripts/soak_data.py``: memory stays flat with the garbage collector off, threads
do not disturb each other, and loaders tell of killed workers and go on."""

from __future__ import annotations

import gc
import importlib.util
import os
import pathlib
import sys

import pytest

import plugtorch as torch
import plugtorch.nn
import plugtorch.optim  # noqa: F401
from plugtorch.utils.data import DataLoader


def _script(name):
    path = pathlib.Path(__file__).resolve().parent.parent / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


soak, soak_data = _script("soak"), _script("soak_data")


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


@pytest.mark.one_backend
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux alone has handles of processes")
def test_loaders_tell_of_killed_workers(backend):
    kinds, failures, _ = soak_data.soak(DataLoader, rounds=4, samples=3000, workers=2, timeout=1.5)
    assert failures == []
    assert sum(k.told + k.whole for k in kinds.values()) == 4 and kinds["none"].whole == 1
