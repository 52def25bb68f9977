"""The module that ``torch.compile`` gives for a module."""

from __future__ import annotations

from typing import Any

from .module import Module

__all__ = ["OptimizedModule"]


class OptimizedModule(Module):
    """A module around another, ``_orig_mod``, whose calls are the other's, compiled.

    Its parameters and state have the prefix ``_orig_mod.``, as in PyTorch; attributes are read from and written to the
    module inside.
    """

    _OWN = frozenset({"_orig_mod", "_forward_hooks", "_compiled_call_impl", "_compiled"})

    def __init__(self, mod: Module, dynamo_ctx: Any = None):
        super().__init__()
        self._modules["_orig_mod"] = mod
        self.__dict__["_compiled"] = dynamo_ctx or mod

    @property
    def __wrapped__(self):
        return self._modules["_orig_mod"]

    @property
    def training(self) -> bool:
        """That of the module inside."""
        return self._modules["_orig_mod"].training

    @training.setter
    def training(self, mode: bool) -> None:
        self._modules["_orig_mod"].training = mode

    def forward(self, *args, **kwargs):
        return self._compiled(*args, **kwargs)

    def __getstate__(self):
        own = super().__getstate__()
        own.pop("_compiled")  # programs do not travel
        return own

    def __setstate__(self, own):
        from plugtorch.frontend.compilation import compile

        super().__setstate__(own)
        self.__dict__["_compiled"] = compile(self._modules["_orig_mod"].__call__)

    def __getattr__(self, name):
        modules = self.__dict__.get("_modules", {})
        if name == "_orig_mod":
            return modules[name]
        return getattr(modules["_orig_mod"], name) if "_orig_mod" in modules else super().__getattr__(name)

    def __setattr__(self, name, value):
        if name in self._OWN or hasattr(type(self), name) or "_modules" not in self.__dict__:
            super().__setattr__(name, value)
        else:
            setattr(self._modules["_orig_mod"], name, value)

    def __delattr__(self, name):
        delattr(self._modules["_orig_mod"], name)

    def __dir__(self):
        return sorted({*super().__dir__(), *dir(self._modules["_orig_mod"])})
