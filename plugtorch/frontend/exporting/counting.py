"""What a program costs: operations, bytes and memory, counted from its shapes without running it."""

from __future__ import annotations

import math
from typing import NamedTuple

from plugtorch.spec.op import OPS
from plugtorch.spec.program import VIEWS, Instruction, Program, Symbol
from plugtorch.transforms.expansion import expanded

from ..utils.flop_counter import FORMULAS

# Ops whose operations are counted as those of a function of the same meaning, by FORMULAS.
_COUNTED = {"matmul": "matmul", "linear": "linear", "conv": "conv2d", "conv_input": "conv_transpose2d",
            "attention": "scaled_dot_product_attention"}
# Views of the library, as against ops that may give their operand back as it is.
_FREE = VIEWS - {"cast", "conj", "copy", "flip"}
# Ops that read only the rows of their first operand that they give.
_ROWS = frozenset({"take", "embedding", "gather", "index"})


def _bytes(symbol: Symbol) -> int:
    return math.prod(symbol.shape) * (8 if symbol.dtype is None else symbol.dtype.itemsize)


class Cost(NamedTuple):
    """Of one instruction.

    Attributes:
        instruction: the instruction.
        flops: operations of products and convolutions, two for a multiplication and addition, as
            :class:`~plugtorch.frontend.utils.flop_counter.FlopCounterMode` counts them.
        read, written: bytes; a view moves none, an op that looks rows up reads those rows.
        live: bytes that are needed while it runs, those of inputs and constants included.
    """

    instruction: Instruction
    flops: int
    read: int
    written: int
    live: int


class Counts:
    """Of a program.

    Attributes:
        rows: a :class:`Cost` for each instruction.
        inputs: bytes of inputs and constants, parameters among them.
        flops, read, written: sums.
        peak: the most bytes that are needed at a time.
    """

    def __init__(self, rows: list[Cost], inputs: int):
        self.rows, self.inputs = rows, inputs
        self.flops, self.read, self.written = (sum(getattr(r, name) for r in rows) for name in ("flops", "read", "written"))
        self.peak = max([inputs, *(r.live for r in rows)])

    def by_op(self) -> dict[str, tuple[int, int, int, int]]:
        """``{op: (calls, operations, bytes read, bytes written)}``, the most operations first."""
        found: dict[str, list[int]] = {}
        for row in self.rows:
            sums = found.setdefault(row.instruction.op, [0, 0, 0, 0])
            for i, n in enumerate((1, row.flops, row.read, row.written)):
                sums[i] += n
        return {op: tuple(sums) for op, sums in sorted(found.items(), key=lambda item: (-item[1][1], -item[1][2]))}

    def table(self) -> str:
        """A line for each kind of op, and the sums."""
        rows = [("Op", "Calls", "FLOP", "Read", "Written")]
        rows += [(op, str(calls), _short(flops, ""), _short(read, "B"), _short(written, "B"))
                 for op, (calls, flops, read, written) in self.by_op().items()]
        rows.append(("Total", str(len(self.rows)), _short(self.flops, ""), _short(self.read, "B"),
                     _short(self.written, "B")))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = ["  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
                 for row in rows]
        return "\n".join([*lines, f"Peak memory: {_short(self.peak, 'B')}, {_short(self.inputs, 'B')} of it inputs and "
                          "parameters"])

    __str__ = table


def _short(n: int, unit: str) -> str:
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if n >= size:
            return f"{n / size:.2f} {prefix}{unit}"
    return f"{n} {unit}".rstrip()


def _formula(one: Instruction) -> int:
    out = one.outputs[0]
    if one.op == "linear_weight":
        return 2 * math.prod(out.shape) * math.prod(one.operands[0].shape[:-1])
    if one.op == "conv_weight":
        return FORMULAS["conv2d"](one.operands[1], one.operands[0], out)
    return FORMULAS[_COUNTED[one.op]](out, *one.operands)


def _has_formula(one: Instruction) -> bool:
    return one.op in _COUNTED or one.op in ("linear_weight", "conv_weight")


def flops_of(one: Instruction, k) -> int:
    """Operations of an instruction: by its formula, or those of what the op is made of."""
    if _has_formula(one):
        return _formula(one)
    if one.op not in OPS or OPS[one.op].primitive:
        return 0
    inputs = list(dict.fromkeys(one.symbols()))
    program = expanded(Program(inputs, {}, [], [one], one.outputs), k, lambda inner, used: _has_formula(inner))
    return sum(_formula(inner) for inner in program.instructions if _has_formula(inner))


def count(program: Program, k) -> Counts:
    """Counts a program for backend ``k``."""
    root: dict[Symbol, Symbol] = {}
    for one in program.instructions:
        if one.op in _FREE and type(one.operands[0]) is Symbol:
            root[one.outputs[0]] = root.get(one.operands[0], one.operands[0])
    last: dict[Symbol, int] = {}
    for i, one in enumerate(program.instructions):
        for s in one.symbols():
            last[root.get(s, s)] = i
    for s in program.outputs:
        last[root.get(s, s)] = len(program.instructions)
    fixed = {*program.inputs, *program.constants}
    inputs = live = sum(map(_bytes, fixed))
    rows, kinds = [], {}
    for i, one in enumerate(program.instructions):
        free = one.op in _FREE
        made = [] if free else list(one.outputs)
        live += sum(map(_bytes, made))
        written = sum(map(_bytes, made))
        read = 0 if free else sum(map(_bytes, dict.fromkeys(one.symbols())))
        if one.op in _ROWS:
            read += min(_bytes(one.operands[0]), written) - _bytes(one.operands[0])
        key = (one.op, tuple(repr(o) for o in one.operands), repr(one.params))
        if key not in kinds:
            kinds[key] = flops_of(one, k)
        rows.append(Cost(one, kinds[key], read, written, live))
        ended = {root.get(s, s) for s in one.symbols()} | set(made)
        live -= sum(_bytes(s) for s in ended if s not in fixed and last.get(s, i) <= i)
    return Counts(rows, inputs)
