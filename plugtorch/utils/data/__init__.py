"""Datasets, samplers, data pipes and the data loader; names of ``torch.utils.data``."""

from __future__ import annotations

import importlib

from plugtorch.frontend.utils.data import *  # noqa: F403
from plugtorch.frontend.utils.data import __all__ as _names

from . import dataloader, dataset, distributed, sampler

# Data pipes are imported when somebody asks for them.
_MODULES = ("datapipes", "graph", "graph_settings")
_PIPES = ("DFIterDataPipe", "DataChunk", "IterDataPipe", "MapDataPipe", "argument_validation", "functional_datapipe",
          "guaranteed_datapipes_determinism", "non_deterministic", "runtime_validation", "runtime_validation_disabled")


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _PIPES:
        importlib.import_module(f"{__name__}.datapipes")  # brings the steps, which are methods of pipes
        return getattr(importlib.import_module(f"{__name__}.datapipes.datapipe"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_MODULES, *_PIPES})


__all__ = [*_names, "dataloader", "dataset", "distributed", "sampler"]
