"""Stands in for ``torch`` until it is imported, and gives way to plugtorch then."""

from __future__ import annotations

import os
import sys

import plugtorch
from plugtorch.alias import install
from plugtorch.commands.spawned import BACKEND_VARIABLE

if sys.modules.get("torch") is sys.modules[__name__]:
    del sys.modules["torch"]
    install()
    sys.modules["torch"] = plugtorch
    if BACKEND_VARIABLE in os.environ:
        plugtorch.set_backend(os.environ[BACKEND_VARIABLE])
