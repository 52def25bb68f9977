"""Passes over a program: dead code, common subexpressions, constants. Each returns a new program of the same meaning."""

from __future__ import annotations

import math

from plugtorch.spec.program import Instruction, Program, Symbol

# Results of more elements than this are computed at each run rather than kept.
LARGEST_CONSTANT = 1 << 16


def without_dead_code(program: Program) -> Program:
    """Instructions, constants and numbers that no output needs are left out; inputs stay."""
    needed, kept = set(program.outputs), []
    for one in reversed(program.instructions):
        if any(o in needed for o in one.outputs):
            kept.append(one)
            needed.update(one.symbols())
    return Program(program.inputs, {s: a for s, a in program.constants.items() if s in needed}, program.numbers, kept[::-1],
                   program.outputs, program.updates)


def _key(one, names):
    operands = tuple((type(o), repr(o)) if type(o) is not Symbol else names.get(o, o) for o in one.operands)
    return one.op, operands, tuple(sorted((name, repr(value)) for name, value in one.params.items()))


def without_repetitions(program: Program) -> Program:
    """An instruction that repeats an earlier one gives that one's results."""
    names: dict[Symbol, Symbol] = {}
    seen: dict = {}
    kept = []
    for one in program.instructions:
        operands = tuple(names.get(o, o) if type(o) is Symbol else o for o in one.operands)
        key = _key(one, names)
        found = seen.get(key)
        if found is not None:
            names.update(zip(one.outputs, found.outputs, strict=True))
            continue
        new = Instruction(one.op, operands, one.params, one.outputs, one.where)
        seen[key] = new
        kept.append(new)
    return Program(program.inputs, program.constants, program.numbers, kept,
                   [names.get(o, o) for o in program.outputs], program.updates)


def with_constants_folded(program: Program, k) -> Program:
    """Instructions whose operands are all known are run now, on backend ``k``, unless their results are large."""
    constants, kept = dict(program.constants), []
    for one in program.instructions:
        known = all(type(o) is not Symbol or o in constants for o in one.operands)
        if not known or sum(math.prod(o.shape) for o in one.outputs) > LARGEST_CONSTANT:
            kept.append(one)
            continue
        found = getattr(k, one.op)(*[constants[o] if type(o) is Symbol else o for o in one.operands], **one.params)
        constants.update(zip(one.outputs, found if type(found) is tuple else (found,), strict=True))
    return Program(program.inputs, constants, program.numbers, kept, program.outputs, program.updates)


def simplified(program: Program, k, fold: bool = True) -> Program:
    """All passes; ``fold`` is off where the compiler behind folds better itself."""
    program = without_repetitions(without_dead_code(program))
    return without_dead_code(with_constants_folded(program, k)) if fold else program
