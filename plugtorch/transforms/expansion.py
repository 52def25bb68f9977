"""Derived ops of a program written out as the ops that they are made of."""

from __future__ import annotations

from collections.abc import Callable

from plugtorch.spec.half import composition
from plugtorch.spec.op import OPS
from plugtorch.spec.program import Instruction, Program, Symbol

from .passes import without_dead_code
from .tracing.backend import TraceBackend
from .tracing.recorder import RECORDER, Recorder


def expanded(program: Program, k, whole: Callable[[Instruction, set], bool]) -> Program:
    """A program of the same meaning in which each instruction is a primitive, or one that ``whole`` answers True for.

    Args:
        k: the backend that the program is for.
        whole: ``whole(instruction, used)``, asked of each derived op, and again of those that its composition is made of;
            ``used`` are the values that the program needs.
    """
    while True:
        program = without_dead_code(program)
        used = {s for one in program.instructions for s in one.symbols()} | set(program.outputs)
        composed = {id(one) for one in program.instructions
                    if one.op in OPS and not OPS[one.op].primitive and not whole(one, used)}
        if not composed:
            return program
        program = _step(program, k, composed)


def _step(program, k, composed) -> Program:
    tracer = TraceBackend(k)
    recorder = Recorder(k, tracer)
    names: dict[Symbol, Symbol] = {}

    def known(symbol):
        if symbol not in names:
            names[symbol] = recorder.symbol(symbol.shape, symbol.dtype, symbol.note)
        return names[symbol]

    inputs, numbers = [known(s) for s in program.inputs], [known(s) for s in program.numbers]
    constants = {known(s): array for s, array in program.constants.items()}
    token = RECORDER.set(recorder)
    try:
        for one in program.instructions:
            operands = [known(o) if type(o) is Symbol else o for o in one.operands]
            begin = len(recorder.instructions)
            if id(one) in composed:
                found = composition(OPS[one.op])(tracer, *operands, **one.params)
                found = found if isinstance(found, tuple) else (found,)
                names.update((old, new if type(new) is Symbol else recorder.constant(new))
                             for old, new in zip(one.outputs, found, strict=True))
            else:
                shapes = [(o.shape, o.dtype) for o in one.outputs]
                names.update(zip(one.outputs, recorder.emit_as(one.op, operands, one.params, shapes), strict=True))
            for new in recorder.instructions[begin:]:
                new.where = one.where
    finally:
        RECORDER.reset(token)
    return Program(inputs, {**constants, **recorder.constants}, numbers, recorder.instructions,
                   [known(s) for s in program.outputs], program.updates)
