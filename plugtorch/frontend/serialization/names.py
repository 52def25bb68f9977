"""Names in files: files say ``torch.x`` for what this package calls ``plugtorch.x`` or ``plugtorch.frontend.x``."""

from __future__ import annotations

import importlib

from plugtorch.spec import dtypes

_FRONTEND = "plugtorch.frontend"

#: The storage class that names each dtype in a file; the others are named by untyped storages.
STORAGE_OF_DTYPE = {d: f"{d.legacy}Storage" for d in dtypes.ALL
                    if d not in (dtypes.uint16, dtypes.uint32, dtypes.uint64)}
DTYPE_OF_STORAGE = {name: d for d, name in STORAGE_OF_DTYPE.items()}


def module_in_file(module: str) -> str:
    """The module name that a file uses for a module of this package; others are unchanged."""
    for own in (_FRONTEND, "plugtorch"):
        if module == own or module.startswith(own + "."):
            return "torch" + module[len(own):]
    return module


def find(module: str, name: str):
    """What a file's global name stands for here.

    Raises:
        AttributeError: nothing.
    """
    if module != "torch" and not module.startswith("torch."):
        target = importlib.import_module(module)
        for part in name.split("."):
            target = getattr(target, part)
        return target
    rest = module[len("torch"):]
    if not rest and name in dtypes.BY_NAME:
        return dtypes.BY_NAME[name]
    for own in (_FRONTEND + rest, "plugtorch" + rest):
        try:
            target = importlib.import_module(own)
            for part in name.split("."):
                target = getattr(target, part)
            return target
        except (ImportError, AttributeError):
            continue
    raise AttributeError(f"{module}.{name} has no counterpart in plugtorch")
