"""Recording, changing and running graphs of calls; names of ``torch.fx``."""

from __future__ import annotations

from plugtorch.frontend.fx.graph import Graph, PythonCode
from plugtorch.frontend.fx.graph_module import GraphModule
from plugtorch.frontend.fx.interpreter import Interpreter, Transformer, replace_pattern
from plugtorch.frontend.fx.node import Node, has_side_effect, map_arg
from plugtorch.frontend.fx.proxy import Proxy
from plugtorch.frontend.fx.tracer import Tracer, symbolic_trace, wrap

__all__ = [
    "Graph", "GraphModule", "Interpreter", "Node", "Proxy", "PythonCode", "Tracer", "Transformer", "has_side_effect",
    "map_arg", "replace_pattern", "symbolic_trace", "wrap",
]
