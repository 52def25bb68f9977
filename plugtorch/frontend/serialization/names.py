"""Names in files: files say ``torch.x`` for what this package calls ``plugtorch.x`` or ``plugtorch.frontend.x``."""

from __future__ import annotations

import importlib
import inspect
import sys

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


def _at(module: str, name: str):
    """The object of that qualified name in a module of this package, None where there is none."""
    try:
        target = importlib.import_module(module)
        for part in name.split("."):
            target = getattr(target, part)
    except (ImportError, AttributeError):
        return None
    return target


def place_in_file(obj, name: str | None = None) -> tuple[str, str]:
    """The module and the qualified name by which a file names a class or a function, so that PyTorch finds it there.

    What lies elsewhere in this package than in PyTorch is named by the public module that has it.
    """
    module, name, own = obj.__module__, name or obj.__qualname__, inspect.unwrap(obj)
    in_file = module_in_file(module)
    if in_file == module:
        return module, name
    public = "plugtorch" + in_file[len("torch"):]
    candidates = [public]
    while "." in public:
        public = public.rpartition(".")[0]
        depth = public.count(".") + 1
        candidates += [public, *sorted(m for m in sys.modules if m.startswith(public + ".") and m.count(".") == depth
                                       and not m.startswith(_FRONTEND))]
    for candidate in (*candidates, "plugtorch.nn.functional"):
        if inspect.unwrap(_at(candidate, name)) is own:
            return "torch" + candidate[len("plugtorch"):], name
    return in_file, name


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
    if module == "torch._C":  # where PyTorch keeps functions of its own, and a few classes
        if name == "_VariableFunctionsClass":
            return importlib.import_module("plugtorch")
        rest = ""
    elif module == "torch._C._nn":
        rest = ".nn.functional"
    for own in (_FRONTEND + rest, "plugtorch" + rest):
        target = _at(own, name)
        if target is not None:
            return target
    raise AttributeError(f"{module}.{name} has no counterpart in plugtorch")
