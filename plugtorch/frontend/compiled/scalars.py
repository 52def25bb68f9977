"""Plain Python values that a function reads: they are part of what was recorded, so a change has to be noticed."""

from __future__ import annotations

import types
from typing import Any

from ..nn.modules.module import Module

_PLAIN = (bool, int, float, str, type(None))
_DEPTH = 3


class Scalars:
    """The numbers, flags and strings that a function finds in globals, closures, objects and modules.

    Attributes:
        held: ``(dictionary or cell, key, value)`` of each.
    """

    def __init__(self, function, args, modules):
        self.held: list[tuple[Any, Any, Any]] = []
        self._seen: set[int] = set()
        self._function(function, 0)
        for a in args:
            self._value(a, 1)
        for module in modules:
            self._module(module)
        self._seen.clear()

    def changed(self) -> str | None:
        """What is no longer as it was, in words; None if nothing changed."""
        for where, key, value in self.held:
            try:
                now = where.cell_contents if key is None else where[key]
            except (KeyError, ValueError):
                return f"{key!r} is gone"
            if now is not value and (type(now) is not type(value) or now != value):
                return f"{'a variable of the closure' if key is None else repr(key)} was {value!r} and is {now!r}"
        return None

    def _note(self, where, key, value, depth):
        if type(value) in _PLAIN:
            self.held.append((where, key, value))
        else:
            self._value(value, depth)

    def _value(self, value, depth):
        if depth > _DEPTH or id(value) in self._seen:
            return
        if isinstance(value, types.MethodType):
            self._value(value.__self__, depth)
            self._function(value.__func__, depth)
        elif isinstance(value, types.FunctionType):
            self._function(value, depth)
        elif isinstance(value, Module):
            for module in value.modules():
                self._module(module)

    def _function(self, function, depth):
        if isinstance(function, types.MethodType):
            self._value(function, depth)
            return
        code = getattr(function, "__code__", None)
        if code is None:
            self._value(function, depth)
            return
        if id(function) in self._seen or function.__module__.startswith("plugtorch."):
            return
        self._seen.add(id(function))
        spaces = function.__globals__
        for name in code.co_names:
            if name in spaces:
                self._note(spaces, name, spaces[name], depth + 1)
        for cell in function.__closure__ or ():
            try:
                self._note(cell, None, cell.cell_contents, depth + 1)
            except ValueError:  # not bound yet
                continue

    def _module(self, module):
        if id(module) in self._seen:
            return
        self._seen.add(id(module))
        own = module.__dict__
        for key, value in own.items():
            if type(value) in _PLAIN:
                self.held.append((own, key, value))
