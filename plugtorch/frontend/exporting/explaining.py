"""``torch._dynamo.explain`` and ``export``: what is recorded of a call, and what it costs."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from plugtorch.transforms.passes import simplified
from plugtorch.transforms.tracing.recorder import TraceError

from .. import pytree, state
from ..compiled.capture import capture
from ..fx.graph_module import GraphModule
from ..nn.modules.module import Module
from ..tensor import Tensor
from .counting import Counts, count
from .graph import named_graph
from .program import ExportedProgram
from .program import export as export_module
from .recording import detached
from .signature import ExportGraphSignature, InputKind, InputSpec, OutputKind, OutputSpec, TensorArgument


@dataclasses.dataclass
class GraphCompileReason:
    """Why a call cannot be recorded.

    Attributes:
        reason: in words.
        user_stack: the frames of the program that led there.
        graph_break: always True: nothing of such a call is compiled.
    """

    reason: str
    user_stack: list
    graph_break: bool = True


@dataclasses.dataclass
class ExplainOutput:
    """What is recorded of a call.

    Attributes:
        graphs: a graph module, or none if the call cannot be recorded.
        graph_count, graph_break_count, op_count: numbers of them.
        break_reasons: a :class:`GraphCompileReason` if the call cannot be recorded.
        ops_per_graph: the names of the ops.
        out_guards: what must hold for the program to be run again.
        compile_times: None.
        counts: operations, bytes and memory, a :class:`~.counting.Counts`, or None.
    """

    graphs: list[GraphModule]
    graph_count: int
    graph_break_count: int
    break_reasons: list[GraphCompileReason]
    op_count: int
    ops_per_graph: list[list[str]] | None = None
    out_guards: list[str] | None = None
    compile_times: str | None = None
    counts: Counts | None = None

    def __str__(self):
        lines = [f"Graph Count: {self.graph_count}", f"Graph Break Count: {self.graph_break_count}",
                 f"Op Count: {self.op_count}", "Break Reasons:"]
        for n, one in enumerate(self.break_reasons, 1):
            lines += [f"  Break Reason {n}:", f"    Reason: {one.reason}", "    User Stack:",
                      *(f"      {frame}" for frame in one.user_stack)]
        if self.ops_per_graph is not None:
            lines.append("Ops per Graph:")
            for n, ops in enumerate(self.ops_per_graph, 1):
                lines += [f"  Ops {n}:", *(f"    {op}" for op in ops)]
        if self.out_guards is not None:
            lines.append("Out Guards:")
            lines += [f"  Guard {n}:\n    {guard}" for n, guard in enumerate(self.out_guards, 1)]
        if self.counts is not None:
            lines += ["Costs:", *(f"  {line}" for line in self.counts.table().splitlines())]
        return "\n".join([*lines, ""])


def explain(f: Callable, *extra_args: Any, **extra_kwargs: Any):
    """``explain(f)(*args)`` records a call of a function or module, as :func:`torch.compile` would, and tells what was
    recorded: an :class:`ExplainOutput`. Nothing is run, and no tensor or generator is changed."""
    def inner(*args: Any, **kwargs: Any) -> ExplainOutput:
        function = getattr(f, "_torchdynamo_orig_callable", f)
        base = _backend(function, args, kwargs)
        try:
            found = capture(function, args, kwargs, base, places=True, gradients=False)
        except TraceError as error:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__)
                      if "/plugtorch/" not in frame.filename.replace("\\", "/")]
            return ExplainOutput([], 0, 1, [GraphCompileReason(str(error), frames)], 0, [], [])
        recorder = found.recorder
        recorder.put_back()
        program = detached(simplified(found.program(), base))
        names = [InputSpec(InputKind.USER_INPUT, TensorArgument(f"input_{i}"), None) for i in range(len(program.inputs))]
        names += [InputSpec(InputKind.CONSTANT_TENSOR, TensorArgument(f"constant_{i}"), str(i))
                  for i in range(len(program.constants))]
        names += [InputSpec(InputKind.USER_INPUT, TensorArgument(f"number_{i}"), None) for i in range(len(program.numbers))]
        lifted = type(program)([*program.inputs, *program.constants, *program.numbers], {}, [], program.instructions,
                               program.outputs)
        outputs = [OutputSpec(OutputKind.USER_OUTPUT, TensorArgument(""), None) for _ in program.outputs]
        graph, _ = named_graph(lifted, ExportGraphSignature(names, outputs))
        ops = [one.op for one in program.instructions]
        guards = [f"{'min' if end == 0 else 'max'} of an input {condition.comparison} {condition.other}: {condition.answer}"
                  for _, end, condition in recorder.input_conditions]
        return ExplainOutput([GraphModule({}, graph)], 1, 0, [], len(ops), [ops], guards, None, count(program, base))

    if extra_args or extra_kwargs:
        return inner(*extra_args, **extra_kwargs)
    return inner


def _backend(function, args, kwargs):
    found = {t._k for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
    if isinstance(function, Module):
        found |= {t._k for t in (*function.parameters(), *function.buffers())}
    if len(found) > 1:
        raise RuntimeError(f"the tensors lie on several backends: {sorted(k.name for k in found)}")
    return found.pop() if found else state.current_backend()


class ExportResult(NamedTuple):
    """What ``torch._dynamo.export`` gives: a module of the recorded program, and its guards."""

    graph_module: Module
    guards: set


class _Function(Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.__dict__["function"] = function

    def forward(self, *args, **kwargs):
        return self.function(*args, **kwargs)


def export(f: Callable, *extra_args: Any, dynamic_shapes=None, **options: Any):
    """``export(f)(*args)`` gives an :class:`ExportResult`, whose module runs the program that was recorded of the call.
    Other options of PyTorch's are accepted."""
    def inner(*args: Any, **kwargs: Any) -> ExportResult:
        program = export_module(f if isinstance(f, Module) else _Function(f), args, kwargs, dynamic_shapes=dynamic_shapes)
        return ExportResult(program.module(), set())

    return inner(*extra_args) if extra_args else inner


def counts_of(program_or_module, *args: Any, **kwargs: Any) -> Counts:
    """What an exported program costs, or a call of a function or module."""
    if isinstance(program_or_module, ExportedProgram):
        return count(program_or_module.program, program_or_module.backend())
    found = explain(program_or_module)(*args, **kwargs)
    if found.counts is None:
        raise TraceError(found.break_reasons[0].reason)
    return found.counts
