"""Programs of spec ops on NumPy: one Python function per program, written out op by op.

The function calls ufuncs directly. A result goes into the memory of an operand that nobody needs any more, or of the
input that it replaces; chains of elementwise ops on large arrays run in blocks that stay in the cache; every array is
given back after its last use. All other ops are calls of the backend's kernels.
"""

from __future__ import annotations

import math

import numpy as np

from plugtorch.spec.op import OPS
from plugtorch.spec.program import UPDATE, Program, Symbol, memory_roots, owned_outputs

from .elementwise import BITS
from .layers import add_bias
from .quiet import silent

# Elementwise ops that are one ufunc on floating arrays of at least 32 bits.
UFUNCS = {"add": "add", "sub": "subtract", "mul": "multiply", "div": "true_divide", "neg": "negative", "sqrt": "sqrt",
          "maximum": "maximum", "minimum": "minimum", "abs": "absolute", "mul_conj": "multiply"}
# Kernels whose results are surely memory of their own.
FRESH = frozenset({
    "matmul", "linear", "conv", "conv_input", "conv_weight", "softmax", "log_softmax", "softmax_backward",
    "log_softmax_backward", "batch_norm_train", "batch_norm_train_backward", "layer_norm", "layer_norm_backward",
    "threshold_backward", "relu", "gelu", "gelu_backward", "exp", "log", "tanh", "sigmoid", "max_pool_window_backward",
    "embedding_backward", "linear_weight", "where", "scatter", "index_add", "pick_backward", "channel_sum",
    "slice_backward", "bias_add",
})
# Chains run in blocks where an array has at least this many elements.
LARGE = 1 << 16
BLOCK = 1 << 14


def gated(g, y, out=None):
    """``g`` where ``y`` is not below or equal to zero, else zero, by its bits."""
    keep = np.less_equal(y, 0)
    np.logical_not(keep, out=keep)  # nan passes
    bits = BITS[g.itemsize]
    if out is None:
        return np.multiply(g.view(bits), keep.view(np.int8)).view(g.dtype)
    np.multiply(out.view(bits), keep.view(np.int8), out=out.view(bits))
    return out


# Ops of one array, or of an array and what decides over it, as functions that may write into their first operand.
IN_PLACE = {"relu": lambda x, out=None: np.maximum(x, 0, out=out), "threshold_backward": gated, "exp": np.exp,
            "tanh": np.tanh, "bias_add": add_bias}


def _plain(symbol) -> bool:
    return symbol.shape != () and symbol.dtype.is_floating_point and symbol.dtype.itemsize >= 4


def _is_ufunc(one) -> bool:
    """Whether an instruction is one ufunc whose operands all have the result's dtype, or are numbers."""
    if one.op not in UFUNCS or not _plain(one.outputs[0]):
        return False
    y = one.outputs[0]
    return all(type(o) is not Symbol and type(o) in (int, float, bool) or type(o) is Symbol and (
        o.dtype is y.dtype or o.dtype is None) for o in one.operands) and any(
            type(o) is Symbol and o.shape == y.shape and o.dtype is y.dtype for o in one.operands)


class Writer:
    """Writes the function of a program."""

    def __init__(self, k, program: Program):
        self.k, self.program = k, program
        self.roots = memory_roots(program)
        self.names: dict[Symbol, str] = {}
        self.scope = {"k": k, "copyto": np.copyto, "asarray": np.asarray, "empty_like": np.empty_like, "chain": run_chain}
        self.lines: list[str] = []
        self.last: dict[Symbol, int] = {}
        self.owned: set[Symbol] = set()
        self.in_place: dict[Symbol, int] = {}
        self.instructions = program.instructions

    def root(self, symbol):
        return self.roots.get(symbol, symbol)

    def name(self, symbol) -> str:
        found = self.names.get(symbol)
        if found is None:
            found = self.names[symbol] = f"v{len(self.names)}"
        return found

    def operand(self, o, n) -> str:
        if type(o) is Symbol:
            return self.name(o)
        if o is None or type(o) in (bool, int):
            return repr(o)
        key = f"c{n}_{len(self.scope)}"
        self.scope[key] = o
        return key

    def write(self):
        """The function ``run(inputs, numbers)``."""
        program = self.program
        for place, s in enumerate(program.inputs):
            self.lines.append(f"{self.name(s)} = inputs[{place}]")
        for place, s in enumerate(program.numbers):
            self.lines.append(f"{self.name(s)} = numbers[{place}]")
        for s, array in program.constants.items():
            self.scope[self.name(s)] = array
        self._find_lives()
        n = 0
        while n < len(self.instructions):
            n = self._chain(n) or self._instruction(n)
        self._finish()
        self.lines.append("return [" + ", ".join(self.results) + "]")
        source = "def run(inputs, numbers=()):\n    " + "\n    ".join(self.lines)
        exec(compile(source, "<program>", "exec"), self.scope)  # noqa: S102  (written above, from names of our own)
        return silent(self.scope["run"])

    def _find_lives(self):
        program = self.program
        end = len(self.instructions)
        for n, one in enumerate(self.instructions):
            for s in (*one.symbols(), *one.outputs):
                self.last[self.root(s)] = n
        updated = {program.outputs[place]: source for place, source in program.updates.items()}
        self.outputs = set(program.outputs)
        plain = [o for place, o in enumerate(program.outputs) if place not in program.updates]
        for o in plain:
            self.last[self.root(o)] = end
        # An update is written in place if it is one output's only and the input is not needed after it.
        count: dict[Symbol, int] = {}
        for o in program.outputs:
            count[o] = count.get(o, 0) + 1
        firsts = {s: i for i, s in enumerate(program.inputs)}
        for o, source in updated.items():
            if count[o] == 1 and o not in firsts and o not in self.roots and o not in program.constants:
                self.in_place[o] = source
                self.last[o] = end
            else:
                self.last[self.root(o)] = end

    # One instruction.

    def _target(self, n, y, operands):
        """Where the result of a ufunc may be written: the name of an operand or input, or None."""
        source = self.in_place.get(y)
        if source is not None:
            s = self.program.inputs[source]
            if s.shape == y.shape and s.dtype is y.dtype and self.last.get(s, -1) <= n:
                return self.name(s)
        for o in operands:
            if type(o) is Symbol and o.shape == y.shape and o.dtype is y.dtype and o in self.owned and self.last[o] == n:
                return self.name(o)
        return None

    def _instruction(self, n) -> int:
        one = self.instructions[n]
        y = one.outputs[0]
        if _is_ufunc(one):
            key = UFUNCS[one.op]
            self.scope[key] = getattr(np, key)
            target = self._target(n, y, one.operands)
            given = ", ".join(self.operand(o, n) for o in one.operands)
            self.lines.append(f"{self.name(y)} = {key}({given}{f', out={target}' if target else ''})")
            self.owned.add(y)
        elif one.op in IN_PLACE and self._in_place(n, one):
            pass
        elif one.op == UPDATE:
            self._update(n, one)
        else:
            self._call(n, one)
        self._release(n, one)
        return n + 1

    def _in_place(self, n, one) -> bool:
        """Writes an op into its first operand, if nobody needs that any more."""
        x, y = one.operands[0], one.outputs[0]
        if not _plain(y) or one.params or any(type(o) is not Symbol or o.dtype is not y.dtype for o in one.operands):
            return False
        if x.shape != y.shape or (one.op != "bias_add" and one.operands[-1].shape != y.shape):
            return False
        if x not in self.owned or self.last[x] != n or x in one.operands[1:]:
            return False
        self.scope[f"w_{one.op}"] = IN_PLACE[one.op]
        given = ", ".join(self.name(o) for o in one.operands)
        self.lines.append(f"{self.name(y)} = w_{one.op}({given}, out={self.name(x)})")
        self.owned.add(y)
        return True

    def _call(self, n, one):
        kernel = f"k_{one.op}"
        self.scope.setdefault(kernel, getattr(self.k, one.op))
        params = []
        for key, value in one.params.items():
            self.scope[f"p{n}_{key}"] = value
            params.append(f"{key}=p{n}_{key}")
        given = ", ".join([*(self.operand(o, n) for o in one.operands), *params])
        names = ", ".join(self.name(o) for o in one.outputs)
        if len(one.outputs) > 1 or self._gives_tuple(one):
            names += ","
        self.lines.append(f"{names} = {kernel}({given})")
        if one.op in FRESH and len(one.outputs) == 1:
            self.owned.add(one.outputs[0])

    def _update(self, n, one):
        """A step of an optimizer, in the memory of what it updates where nobody needs the old values."""
        p = one.params
        rows, columns = p["rows"], p["columns"]
        operands = list(one.operands)
        names, outputs = [], list(one.outputs)
        for i in range(rows * (columns + p["counted"])):
            s = operands[i]
            if rows <= i < 2 * rows:  # a gradient, which is read only
                names.append(self.name(s))
                continue
            y = outputs.pop(0)
            source = self.in_place.get(y)
            here = self.last[self.root(s)] <= n and s not in self.program.constants and (
                s in self.owned or source is not None and self.program.inputs[source] is s)
            self.lines.append(f"{self.name(y)} = {self.name(s)}" + ("" if here else ".copy()"))
            names.append(self.name(y))
        numbers, rest = [], operands[len(names):]
        for name, count in p["names"]:
            values = [self.operand(rest.pop(0), n) for _ in range(count or 1)]
            numbers.append(f"{name!r}: " + (f"({', '.join(values)},)" if count else values[0]))
        parts = [f"[{', '.join(names[i * rows:(i + 1) * rows])}]" for i in range(columns + p["counted"])]
        counts = parts.pop() if p["counted"] else "[]"
        self.scope["update"] = self._update_all
        self.lines.append(f"update({p['rule']!r}, [{', '.join(parts)}], {counts}, {{{', '.join(numbers)}}})")

    def _update_all(self, rule, columns, counts, numbers):
        left = self.k.update_columns(rule, columns, counts, numbers)
        if not left:
            return
        # What the kernel does not take where it lies it takes as a copy.
        copies = [[np.array(column[i], order="C") for i in left] for column in columns]
        if self.k.update_columns(rule, copies, [counts[i] for i in left] if counts else [], numbers):
            raise RuntimeError(f"the step of {rule} cannot be run on these arrays")
        for column, values in zip(columns, copies, strict=True):
            if column is not columns[1]:
                for i, value in zip(left, values, strict=True):
                    np.copyto(column[i], value)

    @staticmethod
    def _gives_tuple(one):
        return len(OPS[one.op].outputs) > 1

    def _release(self, n, one):
        kept = {self.name(s) for s in self.program.inputs}
        gone = []
        for s in dict.fromkeys((*one.symbols(), *one.outputs)):
            root = self.root(s)
            if self.last[root] == n and s not in self.program.constants and s.dtype is not None:
                if self.name(s) not in kept and s not in self.outputs:
                    gone.append(self.name(s))
        if gone:
            self.lines.append(f"del {', '.join(dict.fromkeys(gone))}")

    # Chains.

    def _chain(self, n):
        """Writes the chain that begins at instruction n; the number after it, or None if there is none."""
        first = self.instructions[n]
        y = first.outputs[0]
        if not _is_ufunc(first) or math.prod(y.shape) < LARGE:
            return None
        members, made = [], set()
        end = n
        while end < len(self.instructions):
            one = self.instructions[end]
            out = one.outputs[0]
            if not _is_ufunc(one) or out.shape != y.shape or out.dtype is not y.dtype or any(
                    type(o) is Symbol and o.shape != y.shape and o.dtype is not None for o in one.operands):
                break
            members.append(one)
            made.add(out)
            end += 1
        if len(members) < 3:
            return None
        self._write_chain(n, members)
        return end

    def _write_chain(self, n, members):
        end = n + len(members) - 1
        inside = {one.outputs[0] for one in members}
        leaving = [o for o in (one.outputs[0] for one in members) if self.last[self.root(o)] > end or o in self.outputs]
        outside = list(dict.fromkeys(o for one in members for o in one.symbols() if o not in inside and o.dtype is not None))
        # Places of the working list: operands, then results that leave, then scratch.
        place = {s: i for i, s in enumerate(outside)}
        targets = []
        taken = set()
        for o in leaving:
            target = None
            source = self.in_place.get(o)
            if source is not None and self.last.get(self.program.inputs[source], -1) <= end:
                s = self.program.inputs[source]
                if s.shape == o.shape and s.dtype is o.dtype and self._unread_after(s, o, members):
                    target = s
            if target is None:
                for s in outside:
                    if s in self.owned and self.last[s] <= end and s not in taken and self._unread_after(s, o, members):
                        target = s
                        break
            if target is not None:
                taken.add(target)
            targets.append(self.name(target) if target is not None else "None")
            place[o] = len(place)
        scratch: list[str] = []
        free: list[int] = []
        last_inside = {}
        for i, one in enumerate(members):
            for s in one.symbols():
                last_inside[s] = i
        steps = []
        numbers = []
        for i, one in enumerate(members):
            y = one.outputs[0]
            arguments = []
            for o in one.operands:
                if type(o) is Symbol and o.dtype is not None:
                    arguments.append(place[o])
                else:
                    numbers.append(self.operand(o, n))
                    arguments.append(~(len(numbers) - 1))
            for s in dict.fromkeys(one.symbols()):
                if s in inside and s not in leaving and last_inside[s] == i:
                    free.append(place[s])
            if y not in place:
                if free:
                    place[y] = free.pop()
                else:
                    place[y] = len(outside) + len(leaving) + len(scratch)
                    scratch.append("")
            steps.append((getattr(np, UFUNCS[one.op]), tuple(arguments), place[y]))
        self.scope[f"s{n}"] = tuple(steps)
        given = "".join(self.name(s) + ", " for s in outside)
        names = "".join(self.name(o) + ", " for o in leaving)
        self.lines.append(f"{names or '_'} = chain(s{n}, ({given}), ({''.join(t + ', ' for t in targets)}), {len(scratch)}, "
                          f"({''.join(v + ', ' for v in numbers)}))")
        self.owned.update(leaving)
        gone = [self.name(s) for s in outside if self.last[self.root(s)] <= end and s not in self.program.inputs
                and s not in self.outputs and s not in self.program.constants]
        if gone:
            self.lines.append(f"del {', '.join(gone)}")

    @staticmethod
    def _unread_after(s, o, members) -> bool:
        """Whether no member after the one that gives o reads s: blocks are written as they are computed."""
        made = next(i for i, one in enumerate(members) if one.outputs[0] is o)
        return all(s not in one.symbols() for one in members[made + 1:])

    # The end.

    def _finish(self):
        program, owned = self.program, owned_outputs(self.program)
        self.results = []
        for place, o in enumerate(program.outputs):
            name = self.name(o)
            if place in program.updates:
                self.results.append(self.name(program.inputs[program.updates[place]]))
            elif not owned[place]:
                self.lines.append(f"r{place} = k_copy({name})")
                self.scope["k_copy"] = self.k.copy
                self.results.append(f"r{place}")
            else:
                self.results.append(name)
        late = []
        for place, source in program.updates.items():
            o, target = program.outputs[place], program.inputs[source]
            if o is target:
                continue
            value = self.name(o)
            if not owned[place] and len(program.updates) > 1:  # it may show an input that another update writes first
                self.scope["k_copy"] = self.k.copy
                self.lines.append(f"u{place} = k_copy({value})")
                value = f"u{place}"
            late.append(f"if {value} is not {self.name(target)}: copyto({self.name(target)}, {value})")
        self.lines += late


def run_chain(steps, operands, targets, scratch, numbers):
    """Runs ufuncs over arrays of one shape, block by block; returns the results that leave the chain.

    Args:
        steps: ``(ufunc, places of the operands, place of the result)``; a negative place ``~i`` is a number.
        operands: arrays of one shape and dtype.
        targets: per result the array to write into, or None.
        scratch: how many results stay inside.
    """
    like = operands[0]
    size = like.size
    results = [np.empty_like(like) if t is None else t for t in targets]
    lines = [_line(a) for a in (*operands, *results)]
    if any(line is None for line in lines):
        return _whole(steps, operands, results, scratch, numbers)
    if len({a.strides for a in (*operands, *results) if a.ndim > 1}) > 1:
        return _whole(steps, operands, results, scratch, numbers)
    block = min(BLOCK, size)
    spare = [np.empty(block, like.dtype) for _ in range(scratch)]
    for start in range(0, size, block):
        stop = min(start + block, size)
        views = [line[start:stop] for line in lines]
        views += spare if stop - start == block else [s[:stop - start] for s in spare]
        for ufunc, arguments, place in steps:
            ufunc(*[views[i] if i >= 0 else numbers[~i] for i in arguments], out=views[place])
    return results


def _whole(steps, operands, results, scratch, numbers):
    """:func:`run_chain` where the arrays do not lie in memory alike."""
    values = [*operands, *results, *(np.empty_like(operands[0]) for _ in range(scratch))]
    for ufunc, arguments, place in steps:
        ufunc(*[values[i] if i >= 0 else numbers[~i] for i in arguments], out=values[place])
    return results


def _line(a):
    """The elements of an array in the order of memory, without a copy; None where they lie apart."""
    if a.flags.c_contiguous:
        return a.reshape(-1)
    if a.flags.f_contiguous:
        return a.T.reshape(-1)
    axes = sorted(range(a.ndim), key=lambda i: -a.strides[i])
    b = a.transpose(axes)
    return b.reshape(-1) if b.flags.c_contiguous else None


def compiled_program(k, program: Program):
    """``run(inputs, numbers)`` for a program on the NumPy backend ``k``."""
    return Writer(k, program).write()

