"""``import torch`` answered by plugtorch, in every import form.

A finder maps ``torch`` and ``torch.x.y`` to the very modules ``plugtorch`` and ``plugtorch.x.y``. What plugtorch
does not have is an ImportError or AttributeError that names it.

Where the real torch is loaded as an array library (a backend's), its own modules and the backend's go on importing it
under its name, and ``import`` statements everywhere else get plugtorch (``importlib.import_module`` does not).
"""

from __future__ import annotations

import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys


class _Loader(importlib.abc.Loader):
    """Hands out a module that exists already, and leaves its own spec in place."""

    def __init__(self, target):
        self.target = target

    def create_module(self, spec):
        module = importlib.import_module(self.target)
        self.own = module.__spec__, module.__loader__
        return module

    def exec_module(self, module):
        module.__spec__, module.__loader__ = self.own


class TorchAlias(importlib.abc.MetaPathFinder):
    """Finds ``torch...`` as ``plugtorch...``."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "torch" and not fullname.startswith("torch."):
            return None
        name = "plugtorch" + fullname[len("torch"):]
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise ModuleNotFoundError(f"No module named {fullname!r}: plugtorch does not offer it", name=fullname)
        return importlib.machinery.ModuleSpec(fullname, _Loader(name), is_package=found.submodule_search_locations
                                              is not None)


class _Redirect:
    """``__import__`` where the real torch is loaded too: its own family imports it, and everybody else plugtorch."""

    FAMILY = frozenset({"torch", "torchgen", "functorch", "plugtorch_torch"})

    def __init__(self):
        self.original = builtins.__import__
        builtins.__import__ = self

    def __call__(self, name, globals=None, locals=None, fromlist=(), level=0):
        if level == 0 and (name == "torch" or name.startswith("torch.")):
            importer = (globals or {}).get("__name__", "").partition(".")[0]
            if importer not in self.FAMILY:
                try:
                    return self.original("plugtorch" + name[len("torch"):], globals, locals, fromlist, 0)
                except ModuleNotFoundError as error:
                    if (error.name or "").startswith("plugtorch"):
                        raise ModuleNotFoundError(f"No module named {name!r}: plugtorch does not offer it",
                                                  name=name) from error
                    raise
        return self.original(name, globals, locals, fromlist, level)

    def remove(self):
        builtins.__import__ = self.original


_redirect: _Redirect | None = None


def install() -> None:
    """Makes ``import torch`` mean plugtorch in this process.

    Raises:
        RuntimeError: the real torch was imported before, and not by a backend.
    """
    global _redirect
    loaded = sys.modules.get("torch")
    if loaded is not None and getattr(loaded, "__name__", "") != "plugtorch":
        if "plugtorch_torch.backend" not in sys.modules:
            raise RuntimeError("torch is already imported in this process; plugtorch cannot take its name")
        _redirect = _redirect or _Redirect()
        return
    if not any(isinstance(finder, TorchAlias) for finder in sys.meta_path):
        sys.meta_path.insert(0, TorchAlias())


def remove() -> None:
    """Undoes :func:`install`."""
    global _redirect
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, TorchAlias)]
    for name in [n for n in sys.modules if n == "torch" or n.startswith("torch.")]:
        if getattr(sys.modules[name], "__name__", "").startswith("plugtorch"):
            del sys.modules[name]
    if _redirect is not None:
        _redirect.remove()
        _redirect = None
