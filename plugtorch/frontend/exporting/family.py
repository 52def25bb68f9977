"""Programs with a size that varies: two programs for two sizes, between which the others are interpolated.

The sizes inside of a program are taken to be ``a * n + b`` of the size n that varies, which two recordings decide and a
third one confirms. Every program that is made for another n is checked against the rules of its ops.
"""

from __future__ import annotations

from typing import Any

from plugtorch.autograd.mode import no_grad
from plugtorch.spec.abstract import Abstract
from plugtorch.spec.backend import infer
from plugtorch.spec.program import Instruction, Program, Symbol
from plugtorch.transforms.tracing.recorder import TraceError

from .. import pytree
from .dims import Axes, Dim
from .recording import Recorded, record

# Sizes that a program hardly has otherwise, so that nothing coincides by chance; the last is for the proof.
SIZES = (61, 67, 71)


class Varying(ValueError):
    """Something differs between sizes that is no size, or not linear in the one that varies."""


class Family:
    """The programs of a call for all sizes of one axis.

    Attributes:
        dim: the size's name and bounds.
        first, second: programs for the sizes ``SIZES[0]`` and ``SIZES[1]``.
        places: ``(number of an input of the program, axis)`` whose size it is.
    """

    def __init__(self, dim: Dim, first: Program, second: Program, places):
        self.dim, self.first, self.second, self.places = dim, first, second, list(places)
        self._made: dict[int, Program] = {}

    def size(self, shapes) -> int:
        """The size that varies, of the shapes of all inputs.

        Raises:
            AssertionError: it is not the same everywhere, or out of bounds.
        """
        found = {shapes[n][axis] for n, axis in self.places}
        name = self.dim.__name__
        if len(found) > 1:
            raise AssertionError(f"Guard failed: the size {name} is {sorted(found)}")
        n = found.pop()
        if n < self.dim.min or (self.dim.max is not None and n > self.dim.max):
            raise AssertionError(f"Guard failed: {self.dim.min} <= {name}"
                                 + (f" <= {self.dim.max}" if self.dim.max is not None else ""))
        return n

    def program(self, n: int) -> Program:
        """The program for one size.

        Raises:
            Varying: an op refuses that size.
        """
        found = self._made.get(n)
        if found is None:
            if len(self._made) >= 64:
                self._made.clear()
            found = self._made[n] = interpolated(self.first, self.second, n)
        return found

    def mapped(self, function) -> Family:
        """The family of other programs of the same inputs."""
        return Family(self.dim, function(self.first), function(self.second), self.places)


def between(a: Any, b: Any, n: int) -> Any:
    """The value for size ``n`` of one that is a for the first size and b for the second.

    Raises:
        Varying: it is no integer, or not linear.
    """
    if type(a) is int and type(b) is int and a != b:
        step, rest = divmod(b - a, SIZES[1] - SIZES[0])
        if rest:
            raise Varying(f"a number that is {a} for the size {SIZES[0]} and {b} for {SIZES[1]} is not linear in it")
        return a + step * (n - SIZES[0])
    if type(a) is tuple and type(b) is tuple and len(a) == len(b):
        return tuple([between(x, y, n) for x, y in zip(a, b, strict=True)])
    if a is not b and (type(a) is not type(b) or repr(a) != repr(b)):
        raise Varying(f"{a!r} for the size {SIZES[0]} and {b!r} for {SIZES[1]}")
    return a


def interpolated(first: Program, second: Program, n: int) -> Program:
    """The program for size ``n`` between, or beyond, those for the two sizes.

    Raises:
        Varying: they are not of one form, or an op refuses that size.
    """
    names: dict[Symbol, Symbol] = {}
    twins: dict[Symbol, Symbol] = {}

    def pair(a, b):
        if a.dtype is not b.dtype:
            raise Varying(f"{a!r} and {b!r}")
        twins[a] = b
        names[a] = Symbol(between(a.shape, b.shape, n), a.dtype)

    def operand(a, b):
        if type(a) is not Symbol:
            return between(a, b, n)
        if twins.get(a) is not b:
            raise Varying("other values are combined")
        return names[a]

    if len(first.inputs) != len(second.inputs) or len(first.instructions) != len(second.instructions):
        raise Varying("other ops are called")
    for a, b in zip(first.inputs, second.inputs, strict=True):
        pair(a, b)
    made = []
    for a, b in zip(first.instructions, second.instructions, strict=True):
        if a.op != b.op or len(a.operands) != len(b.operands) or a.params.keys() != b.params.keys():
            raise Varying(f"{a.op} and {b.op} are called")
        operands = tuple([operand(x, y) for x, y in zip(a.operands, b.operands, strict=True)])
        params = {name: between(value, b.params[name], n) for name, value in a.params.items()}
        for x, y in zip(a.outputs, b.outputs, strict=True):
            pair(x, y)
        outputs = tuple([names[x] for x in a.outputs])
        _check(a.op, operands, params, outputs)
        made.append(Instruction(a.op, operands, params, outputs, a.where))
    return Program([names[s] for s in first.inputs], {}, [], made,
                   [operand(a, b) for a, b in zip(first.outputs, second.outputs, strict=True)])


def _check(op, operands, params, outputs):
    try:
        found = infer(op, *[Abstract(o.shape, o.dtype) if type(o) is Symbol else o for o in operands], **params)
    except Exception as error:
        raise Varying(f"op {op} refuses the size: {error}") from error
    found = found if isinstance(found, tuple) else (found,)
    if [(f.shape, f.dtype) for f in found] != [(o.shape, o.dtype) for o in outputs]:
        raise Varying(f"a size of a result of {op} is not linear in the one that varies")


def record_family(mod, args: tuple, kwargs: dict, axes: Axes, dim: Dim) -> tuple[Recorded, Family]:
    """Records a call for all sizes of some axes: what was recorded, with the program for the example's size, and the
    family.

    Raises:
        NotImplementedError: the program is not the same for all sizes.
    """
    leaves, structure = pytree.tree_flatten((args, kwargs))
    place, chosen = next(iter(axes.items()))
    example = leaves[place].shape[next(iter(chosen))]
    recordings = []
    for size in SIZES:
        given = [_resized(leaf, axes[i], size) if i in axes else leaf for i, leaf in enumerate(leaves)]
        recordings.append(record(mod, *pytree.tree_unflatten(given, structure)))
    one, two, three = recordings
    for other in (two, three):
        if not _same_state(one, other):
            raise NotImplementedError(f"the size {dim.__name__} cannot vary: a constant of the program depends on it")
    tensors = [s for s in one.signature.input_specs if hasattr(s.arg, "name") and not hasattr(s.arg, "value")]
    users = {s.arg.name: n for n, s in enumerate(tensors) if s.kind.name == "USER_INPUT"}
    names = [s.arg.name for s in one.signature.input_specs if s.kind.name == "USER_INPUT"]
    places = [(users[names[i]], axis) for i, chosen in axes.items() for axis in chosen]
    family = Family(dim, one.program, two.program, places)
    try:
        interpolated(family.program(SIZES[2]), three.program, SIZES[0])
        equal = [s.shape for i in family.program(SIZES[2]).instructions for s in i.outputs] == [
            s.shape for i in three.program.instructions for s in i.outputs]
        if not equal:
            raise Varying("sizes are not linear in it")
        one.program = family.program(example)
    except Varying as error:
        raise NotImplementedError(f"the size {dim.__name__} cannot vary: the program is another one for other sizes: {error}"
                                  ) from error
    return one, family


def _resized(t, axes, size):
    """The tensor repeated or cut to another size along axes."""
    from ..functions import tensor

    with no_grad():
        for axis in axes:
            n = t.shape[axis]
            if n == 0:
                raise TraceError("the example of a size that varies is empty")
            t = t.index_select(axis, tensor([i % n for i in range(size)], device=t.device))
    return t


def _same_state(one, other) -> bool:
    names = [s.arg.name for s in one.signature.input_specs]
    if names != [s.arg.name for s in other.signature.input_specs] or one.bounds != other.bounds:
        return False
    for name, t in one.state.items():
        u = other.state[name]
        if t is not u and (t.shape != u.shape or t.dtype is not u.dtype or not _equal(t, u)):
            return False
    return True


def _equal(t, u) -> bool:
    import numpy as np

    return np.array_equal(t._k.to_host(t._a), u._k.to_host(u._a))
