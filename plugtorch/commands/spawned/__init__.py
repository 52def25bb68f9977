"""A folder for ``sys.path``: ``import torch`` in the processes that a script of ``plugtorch run`` spawns.

A spawned process imports the script anew, before anything of this package could be told to; it takes over ``sys.path``.
"""

from __future__ import annotations

import contextlib
import os
import sys

#: Tells spawned processes the backend of ``--backend``.
BACKEND_VARIABLE = "PLUGTORCH_RUN_BACKEND"


@contextlib.contextmanager
def reaching_spawned_processes(backend: str | None):
    """Inside, the processes that this one spawns import plugtorch as torch, too, on the same backend."""
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(1, folder)
    if backend is not None:
        os.environ[BACKEND_VARIABLE] = backend
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
        os.environ.pop(BACKEND_VARIABLE, None)
