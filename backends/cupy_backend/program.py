"""Programs of spec ops on CuPy as CUDA graphs: recorded once, launched as a whole at each run.

The first run calls the kernels one by one, so that the memory pool and the libraries have what they need; the second is
captured on a stream. From then on inputs are copied to where the graph reads them, Python floats are written into arrays
of one element, and the graph is launched. A program that cannot be captured (a kernel waits for the device, or a library
allocates) goes on being called op by op.
"""

from __future__ import annotations

import warnings

import cupy as cp

from plugtorch.spec.op import OPS
from plugtorch.spec.program import Program, Symbol, interpret, interpreter


class GraphRun:
    """``run(inputs, numbers)`` of one program.

    Attributes:
        graph: the captured graph; None before the capture, False where it failed.
    """

    def __init__(self, k, program: Program):
        self.k, self.program, self.eager = k, self._with_typed_numbers(program), interpreter(k, program)
        self.graph, self.runs = None, 0

    def _with_typed_numbers(self, program):
        """The program with an input of one element per number and dtype that it meets: a graph reads no Python floats."""
        self.typed: list[tuple[int, Symbol]] = []
        known: dict = {}
        numbers = {s: i for i, s in enumerate(program.numbers)}
        instructions = []
        for one in program.instructions:
            if not any(type(o) is Symbol and o in numbers for o in one.operands):
                instructions.append(one)
                continue
            dtype = next((o.dtype for o in one.operands if type(o) is Symbol and o.dtype is not None), one.outputs[0].dtype)
            operands = []
            for o in one.operands:
                if type(o) is Symbol and o in numbers:
                    key = (numbers[o], dtype)
                    if key not in known:
                        known[key] = Symbol((), dtype)
                        self.typed.append((numbers[o], known[key]))
                    o = known[key]
                operands.append(o)
            instructions.append(type(one)(one.op, tuple(operands), one.params, one.outputs, one.where))
        return Program([*program.inputs, *(s for _, s in self.typed)], program.constants, [], instructions, program.outputs,
                       program.updates)

    def __call__(self, inputs, numbers=()):
        self.runs += 1
        if self.runs == 1 or self.graph is False:
            return self.eager(inputs, numbers)
        if self.graph is None:
            self._capture(inputs)
            if self.graph is False:
                return self.eager(inputs, numbers)
        for place, a in zip(self.places, inputs, strict=True):
            cp.copyto(place, a)
        for place, (number, _) in zip(self.cells, self.typed, strict=True):
            place.fill(numbers[number])
        self.graph.launch()
        # The graph writes to the same memory at each launch: who called gets copies, or the inputs that are replaced.
        outputs = [o.copy() for o in self.results]
        for place, source in self.program.updates.items():
            cp.copyto(inputs[source], outputs[place])
            outputs[place] = inputs[source]
        return outputs

    def _capture(self, inputs):
        self.places = [cp.array(a, copy=True) for a in inputs]
        self.cells = [cp.zeros((), self.k.native(s.dtype)) for _, s in self.typed]
        stream = cp.cuda.Stream(non_blocking=True)
        cp.cuda.get_current_stream().synchronize()
        try:
            with stream:
                stream.begin_capture()
                try:
                    self.results = interpret(self.k, self.program, [*self.places, *self.cells])
                finally:
                    graph = stream.end_capture()
            graph.upload()
            self.graph = graph
        except Exception as error:
            warnings.warn(f"a compiled program of {len(self.program.instructions)} ops cannot be a CUDA graph, and is run "
                          f"op by op: {type(error).__name__}: {error}", RuntimeWarning, stacklevel=4)
            self.graph = False
            self.places = self.cells = self.results = None


def compiled_program(k, program: Program):
    """``run(inputs, numbers)`` for a program on the CuPy backend ``k``."""
    if any(one.op not in OPS for one in program.instructions):
        return interpreter(k, program)
    return GraphRun(k, program)
