"""What a function finds around it in Python: variables, attributes, modules and the groups of optimizers.

A program repeats what these made of it, so a change of one has to be noticed; one that the call itself gives a number,
flag or string gets it again after each run.
"""

from __future__ import annotations

import dis
import functools
import types
from itertools import chain
from operator import is_
from typing import Any
from weakref import ref

from plugtorch.autograd.base import TensorBase
from plugtorch.spec.program import HostFloat

from ..nn.modules.module import Module
from ..optim.optimizer import Optimizer

_PLAIN = frozenset({bool, int, float, complex, str, bytes, type(None), HostFloat})
_DEPTH = 4
# Longer lists and dictionaries are data rather than settings.
_LONGEST = 64
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_STATEFUL = ("plugtorch.frontend.optim.", "plugtorch.frontend.amp.")
_ABSENT: Any = object()


class _Cell:
    """A variable of a closure, read and written like a dictionary of one item."""

    def __init__(self, cell):
        self.cell = cell

    def get(self, key, default=None):
        try:
            return self.cell.cell_contents
        except ValueError:  # not bound
            return default

    def __setitem__(self, key, value):
        self.cell.cell_contents = value

    def pop(self, key, default=None):
        del self.cell.cell_contents


class _List:
    """A list, read and written like a dictionary; its length is the item "length"."""

    def __init__(self, items):
        self.items = items

    def get(self, key, default=None):
        if key == "length":
            return len(self.items)
        return self.items[key] if key < len(self.items) else default

    def __setitem__(self, key, value):
        if key == "length":
            del self.items[value:]
        elif key < len(self.items):
            self.items[key] = value
        else:
            self.items.append(value)

    def pop(self, key, default=None):
        """Nothing: the length says how many items there are."""


class _Names:
    """Attributes of a module or class, which are only read."""

    def __init__(self, space):
        self.space = space

    def get(self, key, default=None):
        return self.space.get(key, default)

    def __setitem__(self, key, value):
        raise TypeError("attributes of Python modules and classes are not written")

    pop = __setitem__


class Surroundings:
    """A snapshot of what a function finds, made before it is recorded, and the conditions that follow from it.

    Args:
        function: what is recorded.
        args: its arguments.

    Attributes:
        modules: those that it may use, until the recording ends.
    """

    def __init__(self, function, args):
        # Per space its keys and values; values that are tensors are held weakly.
        self._spaces: list[tuple[Any, list, list]] = []
        self._tensors: list[tuple[Any, Any, Any]] = []
        self._tables: list = []
        self._ids: list[int] = []
        self._no_hooks: list[dict] = []
        self._hooks: list[tuple[dict, tuple]] = []
        self._open: list[tuple[dict, frozenset]] = []
        self._effects: list[tuple[Any, Any, Any]] = []
        self._seen: dict[int, Any] = {}
        self._kept: list[TensorBase] = []
        self.modules: list[Module] = []
        self._places: tuple[list, list] = [], []
        self._values: list = []
        self._others: list = []
        self._named: set[str] = set()
        self._function(function, None, 0)
        for a in args:
            self._value(a, frozenset(self._named), 1)

    # Looking around.

    def _add(self, space, items, names, depth):
        keys, values = [], []
        for key, value in items:
            if isinstance(value, TensorBase):
                self._tensors.append((space, key, ref(value)))
                self._kept.append(value)
                continue
            if isinstance(value, (types.ModuleType, type)) and type(space) is _Names:
                continue
            keys.append(key)
            values.append(value)
            if type(value) not in _PLAIN:
                self._value(value, names, depth + 1)
        if keys:
            self._spaces.append((space, keys, values))

    def _value(self, value, names, depth):
        kind = type(value)
        if kind in _PLAIN or depth > _DEPTH or id(value) in self._seen or isinstance(value, TensorBase):
            return
        if isinstance(value, types.FunctionType | types.MethodType | functools.partial):
            self._function(value, None, depth)
        elif isinstance(value, Module):
            for module in list(value.modules()):
                self.module(module)
        elif isinstance(value, Optimizer):
            self.optimizer(value)
        elif kind is list or kind is tuple:
            self._seen[id(value)] = value
            if len(value) <= _LONGEST:
                items = list(enumerate(value))
                self._add(_List(value), [*items, ("length", len(value))] if kind is list else items, names, depth)
        elif isinstance(value, dict):
            self._seen[id(value)] = value
            if len(value) <= _LONGEST:
                self._open.append((value, frozenset(value)))
                self._add(value, list(value.items()), names, depth)
        elif isinstance(value, types.ModuleType | type):
            if not value.__dict__.get("__module__", value.__dict__.get("__name__", "")).startswith("plugtorch"):
                space = vars(value)
                self._add(_Names(space), [(n, space[n]) for n in names if type(space.get(n)) in _PLAIN and n in space],
                          names, depth)
        elif isinstance(getattr(value, "__dict__", None), dict):
            if kind.__module__.startswith(_STATEFUL):  # a scheduler or scaler, whose attributes the code does not name
                self._object(value, frozenset(value.__dict__), depth)
            elif not kind.__module__.startswith("plugtorch."):
                self._object(value, names, depth)

    def _object(self, value, names, depth):
        """The attributes of an object that the code names."""
        self._seen[id(value)] = value
        own, names = value.__dict__, _reached(type(value), names)
        self._open.append((own, frozenset(own)))
        self._add(own, [(n, own[n]) for n in names if n in own], names, depth)
        if not type(value).__module__.startswith("plugtorch."):
            self._methods(type(value), names, depth)

    def _methods(self, cls, names, depth):
        for name in (*names, "__call__"):
            method = _method(cls, name)
            if method is not None:
                self._function(method, None, depth + 1)

    def _function(self, function, owner, depth):
        if isinstance(function, functools.partial):
            for a in (function.func, *function.args, *function.keywords.values()):
                self._value(a, frozenset(), depth + 1)
            return
        if isinstance(function, types.MethodType):
            owner, function = function.__self__, function.__func__
        code = getattr(function, "__code__", None)
        if code is None:
            self._value(function, frozenset(), depth)
            return
        variables, names = _names(code)
        known = (id(function), id(owner))
        if known in self._seen:
            return
        self._seen[known] = (function, owner)
        self._named |= names
        if owner is not None:
            self._value(owner, names, depth)
        if function.__module__ is None or function.__module__.startswith("plugtorch."):
            return
        spaces = function.__globals__
        self._add(spaces, [(n, spaces[n]) for n in variables if n in spaces], names, depth)
        for cell in function.__closure__ or ():
            space = _Cell(cell)
            value = space.get(None, _ABSENT)
            if value is not _ABSENT:
                self._add(space, [(None, value)], names, depth)

    def module(self, module) -> None:
        """A module that the function calls or may call."""
        if id(module) in self._seen:
            return
        self._seen[id(module)] = module
        self.modules.append(module)
        own, names = module.__dict__, _reached(type(module), frozenset({"forward"}))
        self._open.append((own, frozenset(own)))
        self._add(own, [(n, v) for n, v in own.items() if n not in _TABLES and not isinstance(v, TensorBase)], names, 1)
        self._table(own["_parameters"].values())
        self._table(own["_modules"].values())
        self._no_hooks += [own[n] for n in _HOOKS if not own[n]]
        self._hooks += [(own[n], tuple(own[n])) for n in _HOOKS if own[n]]
        if not type(module).__module__.startswith("plugtorch."):
            self._methods(type(module), names | vars(type(module)).keys(), 1)

    def _table(self, items):
        self._tables.append(items)
        self._ids += map(id, items)

    def optimizer(self, optimizer) -> None:
        """An optimizer that the function may use; floats of its groups are read at each run."""
        if id(optimizer) in self._seen:
            return
        self._seen[id(optimizer)] = optimizer
        own = optimizer.__dict__
        self._spaces.append((own, ["state", "param_groups"], [optimizer.state, optimizer.param_groups]))
        groups = optimizer.param_groups
        self._spaces.append((_List(groups), ["length"], [len(groups)]))
        for group in groups:
            self._spaces.append((_List(group["params"]), ["length"], [len(group["params"])]))
            self._table(group["params"])
            items = [(n, v) for n, v in group.items() if n != "params" and not _read_anew(v)]
            self._add(group, items, frozenset(), _DEPTH)

    # After the recording.

    def _changes(self):
        for space, keys, values in self._spaces:
            for key, value in zip(keys, values, strict=True):
                now = space.get(key, _ABSENT)
                if now is not value and not _same(now, value):
                    yield space, key, value, now
        for space, key, held in self._tensors:
            now = space.get(key, _ABSENT)
            if now is not held():
                yield space, key, held(), now

    def close(self, slots) -> None:
        """Notes what the call changed.

        Args:
            slots: ``(space, name)`` of the attributes that the program sets itself.
        """
        changed = [(space, key, now) for space, key, _, now in self._changes()]
        for space, before in self._open:
            new = [key for key in space if key not in before and (space, key) not in slots]
            changed += [(space, key, space[key]) for key in new]
            if new:
                self._spaces.append((space, new, [_ABSENT] * len(new)))
        self._effects = [(space, key, now) for space, key, now in changed if type(now) in _PLAIN]
        for space, key, now in self._effects:
            if type(now) is HostFloat:
                space[key] = float.__float__(now)
        taken = {(id(space), name) for space, name in slots}
        self._tensors = [one for one in self._tensors if (id(one[0]), one[1]) not in taken]
        # Flat, for a check in few calls; parameters and modules are told by their numbers, as the program holds them weakly.
        flat = [(space, key, value) for space, keys, values in self._spaces if isinstance(space, dict)
                for key, value in zip(keys, values, strict=True)]
        self._places = [one[0] for one in flat], [one[1] for one in flat]
        self._values = [one[2] for one in flat]
        self._others = [one for one in self._spaces if not isinstance(one[0], dict)]

    def release(self) -> None:
        """Lets go of what only the recording needed."""
        for held in (self._seen, self._open, self._kept, self.modules):
            held.clear()

    def put_back(self) -> None:
        """Undoes what a recording changed."""
        for space, key, value, _ in list(self._changes()):
            if value is _ABSENT:
                space.pop(key, None)
            elif not isinstance(space, _Names):
                space[key] = value
        for space, before in self._open:
            for key in [key for key in space if key not in before]:
                del space[key]

    def repeat(self) -> None:
        """Does to Python's values what the recorded call did."""
        for space, key, value in self._effects:
            space[key] = value.read() if type(value) is HostFloat else value

    # Conditions.

    def changed(self) -> str | None:
        """What is no longer as it was, in words; None if nothing changed."""
        if not all(map(is_, map(dict.get, *self._places), self._values)):
            for space, key, value in zip(*self._places, self._values, strict=True):
                now = space.get(key, _ABSENT)
                if now is not value and not _same(now, value):
                    return _told(key, value, now)
        for space, keys, values in self._others:
            for key, value in zip(keys, values, strict=True):
                now = space.get(key, _ABSENT)
                if now is not value and not _same(now, value):
                    return _told(key, value, now)
        for space, key, held in self._tensors:
            if space.get(key) is not held():
                return f"{_called(key)} is another tensor"
        if list(map(id, chain.from_iterable(self._tables))) != self._ids:
            return "a parameter or module was replaced, added or removed"
        if any(self._no_hooks) or self._hooks and any(tuple(table) != keys for table, keys in self._hooks):
            return "the hooks of a module"
        return None


_TABLES = frozenset(vars(Module())) - {"training"}


@functools.lru_cache(1024)
def _names(code) -> tuple[frozenset, frozenset]:
    """The names of global variables and of attributes in code, nested functions included."""
    spaces, attributes = set(), set()
    for one in dis.get_instructions(code):
        if one.opname.endswith(("_GLOBAL", "_NAME")):
            spaces.add(one.argval)
        elif one.opname.endswith(("_ATTR", "_METHOD")):
            attributes.add(one.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner = _names(constant)
            spaces |= inner[0]
            attributes |= inner[1]
    return frozenset(spaces), frozenset(attributes)


def _method(cls, name):
    """The function of a method that is not this package's, found without running a descriptor; None for anything else."""
    found = next((vars(c)[name] for c in cls.__mro__ if name in vars(c)), None)
    found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    if isinstance(found, types.FunctionType) and not (found.__module__ or "").startswith("plugtorch."):
        return found
    return None


def _reached(cls, names) -> frozenset:
    """The names of attributes, and those that the methods among them name in turn."""
    found, left = set(names), list(names)
    while left:
        method = _method(cls, left.pop())
        if method is not None:
            new = _names(method.__code__)[1] - found
            found |= new
            left += new
    return frozenset(found)


def _read_anew(value) -> bool:
    """Whether a value of an optimizer's group is read at each run."""
    return type(value) is float or type(value) is tuple and bool(value) and all(type(v) is float for v in value)


def _same(now, value) -> bool:
    kind = type(value)
    if kind is not type(now):
        return False
    if kind is tuple and len(now) == len(value):
        return all(a is b or _same(a, b) for a, b in zip(now, value, strict=True))
    return kind in _PLAIN and kind is not HostFloat and now == value


def _called(key) -> str:
    return "a variable of the closure" if key is None else repr(key)


def _told(key, value, now) -> str:
    if now is _ABSENT:
        return f"{_called(key)} is gone"
    if value is _ABSENT:
        return f"{_called(key)} was not there"
    if type(value) in _PLAIN and type(now) in _PLAIN:
        return f"{_called(key)} was {value!r} and is {now!r}"
    return f"{_called(key)} is another object"
