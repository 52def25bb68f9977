"""The recorder: gathers instructions, constants, numbers and host values while a function runs on symbols."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from plugtorch.spec.abstract import NUMBERS, Abstract
from plugtorch.spec.backend import infer
from plugtorch.spec.op import OPS
from plugtorch.spec.program import HostFloat, Instruction, Symbol

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep

RECORDER: ContextVar[Recorder | None] = ContextVar("plugtorch_recorder", default=None)


class TraceError(RuntimeError):
    """A function cannot be recorded: it needs a value, or does something that a program of ops cannot do."""


def user_frame() -> tuple[str, int] | None:
    """File and line, outside of this package, of the code that runs now."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_PACKAGE) and not name.startswith("<"):
            return name, frame.f_lineno
        frame = frame.f_back
    return None


def cannot(what: str) -> TraceError:
    """The error for something that cannot be recorded, naming the line that asked for it."""
    place = user_frame()
    where = f" ({place[0]}, line {place[1]})" if place else ""
    return TraceError(f"{what}{where}")


_KINDS = {bool: "b", int: "i", float: "f", complex: "c", HostFloat: "f", type(None): "n"}
_inferred: dict[Any, Any] = {}


def _described(outputs):
    if isinstance(outputs, tuple):
        return tuple((o.shape, o.dtype) for o in outputs)
    return (outputs.shape, outputs.dtype)


def result_of(name: str, operands, params):
    """Shape and dtype, or a tuple of them, of an op's results; remembered per signature."""
    kinds = tuple((o.shape, o.dtype) if isinstance(o, Abstract) else _KINDS.get(type(o), o) for o in operands)
    try:
        key = (name, kinds, tuple(params.items()))
        found = _inferred.get(key)
    except TypeError:  # a parameter that cannot be hashed
        key = found = None
    if found is None:
        found = _described(infer(name, *[float.__add__(o, 0.0) if type(o) is HostFloat else o for o in operands],
                                 **params))
        if key is not None:
            if len(_inferred) > 20_000:
                _inferred.clear()
            _inferred[key] = found
    return found


class Recorder:
    """What is known of a program while it is recorded.

    Attributes:
        base: the backend that the program is for.
        tracer: the backend whose arrays are this recorder's symbols.
        instructions, constants, numbers: see :class:`~plugtorch.spec.program.Program`.
        readers: per number the function that reads it at a run; ``first_numbers`` are their values while recording.
        host: per host value ``(symbol, make)``; ``make()`` gives its NumPy array at a run, in this order.
        conditions: functions that must go on returning True for the program to hold.
        places: whether instructions keep the line of the program that called for them.
    """

    def __init__(self, base, tracer, places: bool = False):
        self.base, self.tracer, self.places = base, tracer, places
        self.instructions: list[Instruction] = []
        self.constants: dict[Symbol, Any] = {}
        self.numbers: list[Symbol] = []
        self.readers: list[Callable[[], float]] = []
        self.first_numbers: list[float] = []
        self.host: list[tuple[Symbol, Callable[[], Any]]] = []
        self.conditions: list[Callable[[], bool]] = []
        self._known: dict[int, tuple[Any, Symbol]] = {}
        self._numbers: dict[Any, Symbol] = {}
        self._watched: set = set()

    # Values.

    def symbol(self, shape, dtype, note=None) -> Symbol:
        return Symbol(shape, dtype, self, note)

    def constant(self, array) -> Symbol:
        """The symbol of an array that is the same at each run."""
        found = self._known.get(id(array))
        if found is None:
            new = self.symbol(array.shape, self.base.dtype_of(array), "constant")
            self.constants[new] = array
            found = self._known[id(array)] = (array, new)
        return found[1]

    def number(self, value: HostFloat) -> Symbol:
        """The symbol of a Python float that is read at each run."""
        found = self._numbers.get(value.key)
        if found is None:
            found = self._numbers[value.key] = Symbol((), None, self, "number")
            self.numbers.append(found)
            self.readers.append(value.read)
            self.first_numbers.append(float.__float__(value))
        return found

    def host_value(self, make, array, dtype) -> Symbol:
        """The symbol of a host array that ``make()`` gives at each run; ``array`` is what it gave now."""
        new = self.symbol(array.shape, dtype, "host")
        self.host.append((new, make))
        return new

    def watch(self, key, condition) -> None:
        """Keeps a condition of the program; those with one key are the same."""
        if key not in self._watched:
            self._watched.add(key)
            self.conditions.append(condition)

    def host_float(self, read, key=None) -> HostFloat:
        """A Python float that is read at each run."""
        return HostFloat(read, self.watch, key)

    # Instructions.

    def emit(self, name: str, operands, params):
        """Records an op; returns its symbol, or a tuple of them."""
        given = tuple([o if type(o) in _KINDS or type(o) is Symbol else self._operand(o) for o in operands])
        for key, value in params.items():
            if type(value) is HostFloat:
                params = {**params, key: value.fixed()}
        found = result_of(name, given, params)
        if type(found) is tuple and (not found or type(found[0]) is tuple and len(OPS[name].outputs) > 1):
            return self.emit_as(name, given, params, found)
        return self.emit_as(name, given, params, (found,))[0]

    def emit_as(self, name: str, given, params, results) -> tuple:
        """Records an instruction with results of known shapes and dtypes; returns their symbols."""
        recorded = tuple([self.number(o) if type(o) is HostFloat else o for o in given])
        for o in recorded:
            if type(o) is Symbol and o.recorder is not self:
                raise cannot("a tensor that was made inside of a compiled function is used after it, or inside another "
                             "one: return it from the function")
        outputs = tuple([Symbol(shape, dtype, self) for shape, dtype in results])
        self.instructions.append(Instruction(name, recorded, params, outputs, user_frame() if self.places else None))
        return outputs

    def _operand(self, o):
        if isinstance(o, NUMBERS):
            return o
        if hasattr(o, "shape"):
            return self.constant(o)
        raise TypeError(f"an op cannot take {type(o).__name__}")
