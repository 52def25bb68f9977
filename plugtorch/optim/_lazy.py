"""Functional forms of optimizers, imported when somebody asks for one."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def functional(module: str, name: str) -> Callable[[str], Any]:
    """``__getattr__`` of a path module that has the function ``name`` beside its class."""

    def get(wanted: str) -> Any:
        if wanted != name:
            raise AttributeError(f"module {module!r} has no attribute {wanted!r}")
        return getattr(importlib.import_module("plugtorch.frontend.optim.functional"), name)

    return get
