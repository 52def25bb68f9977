"""A straight program of spec ops: what tracing records, what a backend compiles, what is exported and drawn.

A program is a list of instructions over :class:`Symbol` values, without control flow and without writes: every op gives
new values. It is the one form that tracing, passes, executors, export and drawing share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .abstract import Abstract


class Symbol(Abstract):
    """A value of a program: a shape and a dtype, and an identity of its own.

    Attributes:
        recorder: what records the program while it is recorded, else None.
        note: what the recorder knows of the value besides, or None.
    """

    __slots__ = ("recorder", "note", "__weakref__")

    def __init__(self, shape, dtype, recorder=None, note=None):
        self.shape, self.dtype, self.recorder, self.note = shape, dtype, recorder, note

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self):
        return "number" if self.dtype is None else super().__repr__()


class HostFloat(float):
    """A Python float that is read anew at each run of a program.

    Arithmetic on it gives another one; a comparison is answered with today's value, and that answer becomes a condition
    of the program. Whatever makes an ordinary float of it fixes the value, which then is a condition as well.

    Attributes:
        read: ``read()`` gives the value at the time of a run.
        watch: ``watch(key, condition)`` keeps a function that must go on returning True.
        key: equal for floats that are computed alike.
    """

    __slots__ = ("read", "watch", "key")

    def __new__(cls, read: Callable[[], float], watch: Callable, key=None):
        self = float.__new__(cls, read())
        self.read, self.watch, self.key = read, watch, (id(self),) if key is None else key
        return self

    def fixed(self) -> float:
        """Today's value as a plain float, which it has to keep."""
        value, read = float.__float__(self), self.read
        self.watch(("is", self.key, value), lambda: read() == value)
        return value

    def __float__(self):
        return self.fixed()

    def __int__(self):
        return int(self.fixed())

    __trunc__ = __int__

    def __bool__(self):
        return self != 0.0

    def __hash__(self):
        return float.__hash__(self.fixed())

    def __reduce__(self):
        return float, (self.fixed(),)

    def __deepcopy__(self, memo):
        return self.fixed()


def _reader(value):
    return value.read if type(value) is HostFloat else lambda: value


def _key_of(value):
    return value.key if type(value) is HostFloat else (type(value), value)


def _arithmetic(name):
    function = getattr(float, name)

    def method(self, *others):
        if any(not isinstance(o, (int, float)) for o in others):
            return NotImplemented
        read, parts = self.read, [_reader(o) for o in others if o is not None]
        return HostFloat(lambda: function(read(), *[p() for p in parts]), self.watch,
                         (name, self.key, *map(_key_of, others)))

    method.__name__ = name
    return method


def _comparison(name):
    function = getattr(float, name)

    def method(self, other):
        if not isinstance(other, (int, float)):
            return NotImplemented
        mine, theirs = self.read, _reader(other)
        answer = function(mine(), theirs())
        self.watch((name, self.key, _key_of(other), answer), lambda: function(mine(), theirs()) is answer)
        return answer

    method.__name__ = name
    return method


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow", "neg", "abs", "pos"):
    setattr(HostFloat, f"__{_name}__", _arithmetic(f"__{_name}__"))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(HostFloat, f"__{_name}__", _comparison(f"__{_name}__"))


# The name of an instruction that is no op of the spec: one step of an optimizer over many parameters, for backends with a
# kernel for it (``Backend.update_columns``). Its operands are the columns one after the other, the counts and the numbers;
# its outputs the new columns but for the gradients, and the new counts.
UPDATE = "update_columns"


class Instruction:
    """One op of a program.

    Attributes:
        op: the op's name.
        operands: symbols, Python numbers and None.
        params: keyword parameters.
        outputs: the symbols that it gives, one or several.
        where: ``(file, line)`` of the program that called for it, or None.
    """

    __slots__ = ("op", "operands", "params", "outputs", "where")

    def __init__(self, op: str, operands: tuple, params: dict, outputs: tuple, where=None):
        self.op, self.operands, self.params, self.outputs, self.where = op, operands, params, outputs, where

    def symbols(self):
        """The operands that are values of the program."""
        return [o for o in self.operands if type(o) is Symbol]

    def __repr__(self):
        shown = ", ".join([*map(repr, self.operands), *(f"{k}={v!r}" for k, v in self.params.items())])
        return f"{', '.join(map(repr, self.outputs))} = {self.op}({shown})"


class Program:
    """Instructions in order, and what goes in and comes out.

    Attributes:
        inputs: symbols given at each run.
        constants: arrays of the backend that are the same at each run, by symbol.
        numbers: symbols of shape () for Python floats that are given at each run, after the inputs.
        instructions: in an order in which every value is made before it is used.
        outputs: symbols; one may appear more than once, or be an input or constant.
        updates: ``{index of an output: index of an input}`` whose memory the output replaces after the run.
    """

    def __init__(self, inputs, constants, numbers, instructions, outputs, updates=None):
        self.inputs, self.constants, self.numbers = list(inputs), dict(constants), list(numbers)
        self.instructions, self.outputs = list(instructions), list(outputs)
        self.updates = dict(updates or {})

    def __repr__(self):
        return f"<program of {len(self.instructions)} ops, {len(self.inputs)} inputs, {len(self.outputs)} outputs>"


def interpret(k, program: Program, inputs, numbers=()) -> list:
    """Runs a program op by op with the kernels of ``k``; returns its outputs.

    Args:
        inputs: an array per input.
        numbers: a Python float per number.
    """
    values: dict[Any, Any] = dict(program.constants)
    values.update(zip(program.inputs, inputs, strict=True))
    values.update(zip(program.numbers, numbers, strict=True))
    for one in program.instructions:
        found = getattr(k, one.op)(*[values[o] if type(o) is Symbol else o for o in one.operands], **one.params)
        if type(found) is tuple:
            values.update(zip(one.outputs, found, strict=True))
        else:
            values[one.outputs[0]] = found
    return [values[o] for o in program.outputs]


# Ops whose result may lie in the memory of their first operand, on a library with views.
VIEWS = frozenset({
    "bitcast", "real", "imag", "reshape", "permute", "broadcast_to", "slice", "select", "view_as_real", "view_as_complex",
    "diagonal", "unfold_dim", "as_strided", "cast", "conj", "copy", "flip",
})


def memory_roots(program: Program) -> dict[Symbol, Symbol]:
    """Per value that may lie in the memory of another, the value whose memory that is at first."""
    roots: dict[Symbol, Symbol] = {}
    for one in program.instructions:
        if one.op in VIEWS and type(one.operands[0]) is Symbol:
            first = one.operands[0]
            roots[one.outputs[0]] = roots.get(first, first)
    return roots


def owned_outputs(program: Program) -> list[bool]:
    """Which outputs may be handed out as they are; the others lie in the memory of an input, a constant, or an output before
    them, and have to be copied where arrays are mutable."""
    roots, taken = memory_roots(program), {*program.inputs, *program.constants}
    owned = []
    for o in program.outputs:
        root = roots.get(o, o)
        owned.append(root not in taken)
        taken.add(root)
    return owned


def interpreter(k, program: Program):
    """``run(inputs, numbers)`` that calls one kernel of ``k`` after the other: what a backend without a compiler does."""
    owned = owned_outputs(program)

    def run(inputs, numbers=()):
        outputs = interpret(k, program, inputs, numbers)
        if not k.aliases:
            return outputs
        outputs = [o if mine else k.copy(o) for o, mine in zip(outputs, owned, strict=True)]
        for place, source in program.updates.items():
            k.assign(inputs[source], outputs[place])
            outputs[place] = inputs[source]
        return outputs

    return run
