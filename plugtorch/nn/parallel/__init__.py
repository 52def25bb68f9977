"""One module on several devices; names of ``torch.nn.parallel``."""

from __future__ import annotations

import importlib

from plugtorch.nn.parallel import scatter_gather  # noqa: F401
from plugtorch.nn.parallel.data_parallel import DataParallel, data_parallel

# Functions that have the names of their modules: these are imported first, and can still be imported from.
from plugtorch.nn.parallel.parallel_apply import parallel_apply
from plugtorch.nn.parallel.replicate import replicate
from plugtorch.nn.parallel.scatter_gather import gather, scatter

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "parallel_apply", "replicate", "scatter"]


def __getattr__(name):
    if name in ("DistributedDataParallel", "distributed"):  # sockets and threads, which most programs never need
        module = importlib.import_module("plugtorch.nn.parallel.distributed")
        return module if name == "distributed" else module.DistributedDataParallel
    if name == "comm":
        return importlib.import_module("plugtorch.nn.parallel.comm")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
