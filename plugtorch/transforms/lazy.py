"""The lazy backend: ops are noted, and run as one compiled program when a value is needed.

An array of :class:`LazyBackend` either has its value or waits for it. What waits is run when the values of an array are
read, at the end of an optimizer's step, or when much has gathered. The program gives the arrays that somebody still
holds, and is kept by its structure: the next step of a training loop finds it again. Python floats are inputs, so a
learning rate that changes is no new program.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from weakref import ref

from plugtorch.spec.abstract import NUMBERS, Abstract
from plugtorch.spec.backend import Backend
from plugtorch.spec.op import OPS
from plugtorch.spec.program import Instruction, Program, Symbol

from .passes import without_dead_code, without_repetitions
from .tracing.recorder import result_of

# The time that XLA takes grows faster than the length of a program.
LONGEST = 1500
PROGRAMS = 128
# An array that waits for at most so many ops is computed alone where its values are asked for in passing.
FEW = 8


class LazyArray(Abstract):
    """An array that has its value, or waits for it.

    Attributes:
        value: the array of the backend below, or None.
        number: its number among the values of the pending program.
        owner: the :class:`Pending` that it waits in.
    """

    __slots__ = ("value", "number", "owner", "__weakref__")

    def __init__(self, shape, dtype, value=None):
        self.shape, self.dtype, self.value, self.number, self.owner = shape, dtype, value, -1, None

    __eq__ = object.__eq__
    __hash__ = object.__hash__


class Pending:
    """Ops that wait to be run.

    Attributes:
        ops: ``(name, operands, params)``; an operand is ``("v", number)`` for a value that waits, ``("i", number)`` for an
            input, ``("f", number)`` for a float, and else a constant.
        made: weak references to the arrays of the values, by number.
        inputs: arrays that have a value, in the order in which they were met.
        floats: Python floats, likewise.
    """

    def __init__(self):
        self.ops, self.keys, self.made, self.inputs, self.floats = [], [], [], [], []
        self.places: dict[int, int] = {}

    def leading_to(self, number: int, most: int) -> Pending | None:
        """The ops that the value of that number needs, as a sequence of their own that ends with it; None if they are more
        than ``most``, or the last has several results."""
        starts, at = [], 0
        for name, _, _ in self.ops:
            starts.append(at)
            at += len(OPS[name].outputs)
        wanted, chosen = {number}, []
        for n in range(len(self.ops) - 1, -1, -1):
            name, codes, _ = self.ops[n]
            if any(starts[n] + i in wanted for i in range(len(OPS[name].outputs))):
                chosen.append(n)
                wanted.update(c[1] for c in codes if type(c) is tuple and c[0] == "v")
                if len(chosen) > most:
                    return None
        if not chosen or len(OPS[self.ops[chosen[0]][0]].outputs) > 1:
            return None
        alone, numbers = Pending(), {}
        for n in reversed(chosen):
            name, codes, params = self.ops[n]
            own = []
            for c in codes:
                if type(c) is not tuple:
                    own.append(c)
                elif c[0] == "v":
                    own.append(("v", numbers[c[1]]))
                elif c[0] == "i":
                    own.append(("i", alone.input(self.inputs[c[1]])))
                else:
                    own.append(("f", len(alone.floats)))
                    alone.floats.append(self.floats[c[1]])
            alone.ops.append((name, tuple(own), params))
            alone.keys.append((name, tuple(own), *params.values()))
            for i in range(len(OPS[name].outputs)):
                numbers[starts[n] + i] = len(alone.made)
                alone.made.append(self.made[starts[n] + i])
        return alone

    def input(self, x) -> int:
        place = self.places.get(id(x))
        if place is None:
            place = self.places[id(x)] = len(self.inputs)
            self.inputs.append(x)
        return place


class LazyBackend(Backend):
    """The ops on :class:`LazyArray` values over a backend with immutable arrays."""

    lazy = True
    aliases = False

    def __init__(self, base):
        if base.aliases:
            raise RuntimeError(f"backend {base.name!r} has no lazy form: its arrays are written in place. Compile functions "
                               "instead: plugtorch.compile")
        self.base, self.name, self.library_version = base, base.name, base.library_version
        self._lock = threading.RLock()
        self._programs: OrderedDict = OrderedDict()
        self._pending = Pending()
        self.runs = self.compilations = 0

    # Arrays.

    def spec_dtype(self, native):
        return native if hasattr(native, "category") else self.base.spec_dtype(native)

    def dtype_of(self, x):
        return x.dtype

    def device_of(self, x):
        return self.base.default_device() if x.value is None else self.base.device_of(x.value)

    def default_device(self):
        return self.base.default_device()

    def devices(self):
        return self.base.devices()

    def lift(self, array) -> LazyArray:
        """An array of the backend below."""
        return LazyArray(tuple(array.shape), self.base.dtype_of(array), array)

    def force(self, x):
        """The array of the backend below that x stands for."""
        if x.value is None:
            self.flush()
            if x.value is None:
                raise RuntimeError("a lazy array has no value, as an error ended the program that was to compute it")
        return x.value

    def to_device(self, x, device):
        return self.lift(self.base.to_device(self.force(x), device))

    def from_host(self, array, *, device):
        return self.lift(self.base.from_host(array, device=device))

    def adopt(self, array, *, device):
        return self.lift(self.base.adopt(array, device=device))

    def from_dlpack(self, source):
        return self.lift(self.base.from_dlpack(source))

    def to_host(self, x):
        return self.base.to_host(self.force(x))

    def bounds(self, x):
        # Asked of indices in the middle of a step: what waits besides goes on waiting.
        if x.value is None:
            self._run_alone(x)
        return self.base.bounds(self.force(x))

    def address_of(self, x):
        return self.base.address_of(self.force(x))

    def nonzero(self, x, *, size=None):
        if size is not None:
            return self._emit("nonzero", (x,), {"size": size})
        return self.lift(self.base.nonzero(self.force(x)))

    def synchronize(self):
        self.flush()
        self.base.synchronize()

    def release(self):
        self._programs.clear()
        self.base.release()

    def device_properties(self, device):
        return self.base.device_properties(device)

    def memory_stats(self, device):
        return self.base.memory_stats(device)

    def copy(self, x):
        return x

    def cast(self, x, *, dtype):
        return x if x.dtype is dtype else self._emit("cast", (x,), {"dtype": dtype})

    def reshape(self, x, *, shape):
        shape = tuple(shape)
        return x if x.shape == shape else self._emit("reshape", (x,), {"shape": shape})

    def conj(self, x):
        return self._emit("conj", (x,), {}) if x.dtype.is_complex else x

    # Noting ops.

    def _emit(self, name, operands, params):
        found = result_of(name, operands, params)
        many = type(found) is tuple and len(OPS[name].outputs) > 1
        with self._lock:
            pending = self._pending
            codes = []
            for o in operands:
                if type(o) is LazyArray:
                    if o.value is not None:
                        codes.append(("i", pending.input(o)))
                    elif o.owner is pending:
                        codes.append(("v", o.number))
                    else:
                        self.force(o)  # raises
                elif type(o) is float:
                    codes.append(("f", len(pending.floats)))
                    pending.floats.append(o)
                elif o is None or isinstance(o, NUMBERS):
                    codes.append(o)
                else:
                    codes.append(("i", pending.input(self.lift(o))))
            codes = tuple(codes)
            pending.ops.append((name, codes, params))
            pending.keys.append((name, codes, *params.values()))
            outputs = []
            for shape, dtype in found if many else (found,):
                new = LazyArray(shape, dtype)
                new.number, new.owner = len(pending.made), pending
                pending.made.append(ref(new))
                outputs.append(new)
            if len(pending.ops) >= LONGEST:
                self.flush()
        return tuple(outputs) if many else outputs[0]

    # Running them.

    def flush(self) -> None:
        """Runs what waits, for the arrays that somebody holds."""
        with self._lock:
            pending = self._pending
            if not pending.ops:
                return
            self._pending = Pending()
            live = [(n, x) for n, r in enumerate(pending.made) if (x := r()) is not None]
            if live:
                self._run(pending, live)

    def _run(self, pending, live) -> None:
        numbers = tuple([n for n, _ in live])
        key = (tuple(pending.keys), numbers, tuple([(x.shape, x.dtype) for x in pending.inputs]))
        run = self._programs.get(key)
        if run is None:
            run = self._programs[key] = self.base.compile_program(_program(pending, numbers))
            self.compilations += 1
            if len(self._programs) > PROGRAMS:
                self._programs.popitem(last=False)
        else:
            self._programs.move_to_end(key)
        self.runs += 1
        found = run([x.value for x in pending.inputs], pending.floats)
        for (_, x), array in zip(live, found, strict=True):
            x.value, x.owner = array, None

    def _run_alone(self, x) -> None:
        """Runs the few ops that one array waits for; those stay noted for what else needs their results."""
        with self._lock:
            pending = self._pending
            if x.owner is not pending:
                return
            alone = pending.leading_to(x.number, FEW)
            if alone is not None:
                self._run(alone, [(len(alone.made) - 1, x)])


def _program(pending: Pending, live) -> Program:
    inputs = [Symbol(x.shape, x.dtype) for x in pending.inputs]
    floats = [Symbol((), None) for _ in pending.floats]
    values: list[Symbol] = []
    instructions = []
    tables = {"i": inputs, "f": floats, "v": values}
    for name, codes, params in pending.ops:
        operands = tuple([tables[c[0]][c[1]] if type(c) is tuple else c for c in codes])
        shown = [1.0 if type(o) is Symbol and o.dtype is None else o for o in operands]
        found = result_of(name, shown, params)
        many = type(found) is tuple and len(OPS[name].outputs) > 1
        outputs = tuple(Symbol(shape, dtype) for shape, dtype in (found if many else (found,)))
        values += outputs
        instructions.append(Instruction(name, operands, params, outputs))
    program = Program(inputs, {}, floats, instructions, [values[n] for n in live])
    return without_repetitions(without_dead_code(program))


def _kernel(name):
    def kernel(self, *operands, **params):
        return self._emit(name, operands, params)

    kernel.__name__ = name
    return kernel


for _name in OPS:
    if _name not in vars(LazyBackend) and _name not in ("from_host", "to_host"):
        setattr(LazyBackend, _name, _kernel(_name))


@functools.cache
def lazy_backend(base) -> LazyBackend:
    """The lazy form of a backend.

    Raises:
        RuntimeError: its arrays are mutable.
    """
    return LazyBackend(base)
