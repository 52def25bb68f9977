"""An exported program as a graph of nodes with names, and as text."""

from __future__ import annotations

import dataclasses
import operator

from plugtorch.autograd.base import TensorBase
from plugtorch.autograd.record import differentiable
from plugtorch.spec.device import Device
from plugtorch.spec.program import Program, Symbol

from .. import state
from ..fx.graph import Graph
from .signature import ConstantArgument, ExportGraphSignature, OutputKind, TensorArgument

_SHORT = {"float32": "f32", "float64": "f64", "float16": "f16", "bfloat16": "bf16", "bool": "b8", "complex64": "c64",
          "complex128": "c128", **{f"{u}int{n}": f"{u or 'i'}{n}" for u in ("", "u") for n in (8, 16, 32, 64)}}


def short_type(symbol: Symbol) -> str:
    """Dtype and shape as in PyTorch's listings: ``f32[2, 3]``."""
    return f"{_SHORT[symbol.dtype.name]}[{', '.join(map(str, symbol.shape))}]"


class SpecOp:
    """An op of the contract as a function of tensors: what a node of an exported graph calls."""

    __module__ = "plugtorch.spec.ops"

    def __init__(self, name: str):
        self.__name__ = self.__qualname__ = name

    def __call__(self, *operands, **params):
        first = next((o for o in operands if isinstance(o, TensorBase)), None)
        k = state.current_backend() if first is None else first._k
        params = {name: k.default_device() if isinstance(value, Device) else value for name, value in params.items()}
        return getattr(differentiable(k), self.__name__)(*operands, **params)

    def __eq__(self, other):
        return type(other) is SpecOp and self.__name__ == other.__name__

    def __hash__(self):
        return hash(self.__name__)

    def __str__(self):
        return f"{self.__module__}.{self.__name__}"

    __repr__ = __str__


def named_graph(program: Program, signature: ExportGraphSignature) -> tuple[Graph, ExportGraphSignature]:
    """The graph of a program, and the signature with the names of its outputs filled in. Each node of a tensor has its
    :class:`Symbol` as ``meta["val"]``, and the line that called for it as ``meta["where"]``."""
    graph, nodes = Graph(), {}
    inputs = iter(program.inputs)
    input_specs = []
    for spec in signature.input_specs:
        node = graph.placeholder(spec.arg.name)
        if isinstance(spec.arg, TensorArgument):
            symbol = next(inputs)
            nodes[symbol] = node
            node.meta["val"] = symbol
            spec = dataclasses.replace(spec, arg=TensorArgument(node.name))
        input_specs.append(spec)
    for one in program.instructions:
        args = tuple([nodes[o] if type(o) is Symbol else o for o in one.operands])
        node = graph.call_function(SpecOp(one.op), args, dict(one.params))
        node.meta["where"] = one.where
        if len(one.outputs) == 1:
            nodes[one.outputs[0]] = node
            node.meta["val"] = one.outputs[0]
            continue
        node.meta["val"] = one.outputs
        for i, symbol in enumerate(one.outputs):
            nodes[symbol] = part = graph.call_function(operator.getitem, (node, i))
            part.meta.update(val=symbol, where=one.where)
    unused = [n for n in graph.nodes if n.op == "call_function" and n.target is operator.getitem
              and n.meta["val"] not in {s for one in program.instructions for s in one.symbols()} | set(program.outputs)]
    for node in unused:
        graph.erase_node(node)
    outputs = iter(program.outputs)
    values, output_specs = [], []
    for spec in signature.output_specs:
        if isinstance(spec.arg, ConstantArgument):
            values.append(spec.arg.value)
        else:
            node = nodes[next(outputs)]
            values.append(node)
            target = spec.target
            if spec.kind is OutputKind.USER_INPUT_MUTATION:
                target = next(new.arg.name for old, new in zip(signature.input_specs, input_specs, strict=True)
                              if old.arg.name == target)
            spec = dataclasses.replace(spec, arg=TensorArgument(node.name), target=target)
        output_specs.append(spec)
    graph.output(tuple(values))
    return graph, ExportGraphSignature(input_specs, output_specs)


def code_text(graph: Graph) -> str:
    """The graph as the source of a function, with types, and the lines of the program that called for its parts."""
    def text(value):
        if isinstance(value, tuple):
            return f"({', '.join(map(text, value))}{',' if len(value) == 1 else ''})"
        return value.name if hasattr(value, "users") else repr(value)

    inputs = [f'{n.name}: "{short_type(n.meta["val"])}"' if "val" in n.meta else n.name
              for n in graph.nodes if n.op == "placeholder"]
    lines, before = [], None
    for node in graph.nodes:
        if node.op == "placeholder":
            continue
        if node.op == "output":
            lines.append(f"return {text(node.args[0])}")
            continue
        where = node.meta.get("where")
        if where is not None and where != before:
            lines += ([""] if lines else []) + [f"# File: {where[0]}:{where[1]}"]
        before = where
        if node.target is operator.getitem:
            call = f"{node.args[0].name}[{node.args[1]}]"
        else:
            call = f"{node.target}({', '.join([*map(text, node.args), *(f'{k}={v!r}' for k, v in node.kwargs.items())])})"
        val = node.meta["val"]
        shown = f': "{short_type(val)}"' if type(val) is Symbol else ""
        lines.append(f"{node.name}{shown} = {call}")
    body = "\n".join(f"            {line}" if line else "" for line in lines)
    return f"    class GraphModule(torch.nn.Module):\n        def forward(self, {', '.join(inputs)}):\n{body}\n"
