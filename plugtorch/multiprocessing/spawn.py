"""``torch.multiprocessing.spawn``, the module."""

import sys

from plugtorch.frontend import multiprocessing as _package  # noqa: F401  (its name ``spawn`` is a function)

_module = sys.modules["plugtorch.frontend.multiprocessing.spawn"]

ProcessContext = _module.ProcessContext
ProcessException = _module.ProcessException
ProcessExitedException = _module.ProcessExitedException
ProcessRaisedException = _module.ProcessRaisedException
SpawnContext = _module.SpawnContext
spawn = _module.spawn
start_processes = _module.start_processes

__all__ = list(_module.__all__)
