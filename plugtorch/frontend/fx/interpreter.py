"""Running a graph step by step, and making a new graph of it."""

from __future__ import annotations

from typing import Any

from .graph import Graph, _last_uses
from .graph_module import GraphModule
from .node import Node, map_arg
from .proxy import Proxy, TracerBase

__all__ = ["Interpreter", "Transformer", "replace_pattern"]


class Interpreter:
    """Runs the graph of a module, a method for each kind of step, which subclasses change.

    Args:
        module: has the graph and what it uses.
        garbage_collect_values: forget results that are not used any more.
        graph: another graph.
    """

    def __init__(self, module, garbage_collect_values: bool = True, graph: Graph | None = None):
        self.module = self.submodules_owner = module
        self.graph = graph if graph is not None else module.graph
        self.garbage_collect_values = garbage_collect_values
        self.env: dict[Node, Any] = {}

    def run(self, *args, initial_env: dict | None = None, enable_io_processing: bool = True):
        """What the graph gives for some inputs."""
        self.env = dict(initial_env or {})
        self.args_iter = iter(args)
        last = _last_uses(self.graph.nodes) if self.garbage_collect_values else {}
        for node in self.graph.nodes:
            if node not in self.env:
                self.env[node] = self.run_node(node)
            for done in last.get(node, ()):
                self.env.pop(done, None)
            if node.op == "output":
                return self.env[node]
        return None

    def run_node(self, n: Node):
        """The result of a step."""
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        return getattr(self, n.op)(n.target, args, kwargs)

    def fetch_args_kwargs_from_env(self, n: Node):
        """A step's arguments, with results in the place of nodes."""
        return map_arg((n.args, n.kwargs), lambda node: self.env[node])

    def fetch_attr(self, target: str):
        """An attribute of the module by its dotted name."""
        found = self.module
        for part in target.split("."):
            if not hasattr(found, part):
                raise RuntimeError(f"Node referenced nonexistent target {target}")
            found = getattr(found, part)
        return found

    def placeholder(self, target, args, kwargs):
        """The next input, or its default."""
        if target.startswith("*"):
            return list(self.args_iter)
        found = next(self.args_iter, ...)
        if found is not ...:
            return found
        if args:
            return args[0]
        raise RuntimeError(f"Expected positional argument for parameter {target}, but one was not passed in!")

    def get_attr(self, target, args, kwargs):
        """An attribute."""
        return self.fetch_attr(target)

    def call_function(self, target, args, kwargs):
        """A call of a function."""
        return target(*args, **kwargs)

    def call_method(self, target, args, kwargs):
        """A call of a method."""
        return getattr(args[0], target)(*args[1:], **kwargs)

    def call_module(self, target, args, kwargs):
        """A call of a module."""
        return self.fetch_attr(target)(*args, **kwargs)

    def output(self, target, args, kwargs):
        """What the graph gives."""
        return args[0]

    def map_nodes_to_values(self, args, n: Node):
        """Arguments with results in the place of nodes."""
        return map_arg(args, lambda node: self.env[node])


class _Recorder(TracerBase):
    def __init__(self, graph):
        self.graph = graph


class Transformer(Interpreter):
    """An interpreter whose values are proxies, so that running it makes a new graph."""

    def __init__(self, module):
        super().__init__(module)
        self.new_graph = Graph()
        self.tracer = _Recorder(self.new_graph)

    def placeholder(self, target, args, kwargs):
        """An input of the new graph."""
        return Proxy(self.new_graph.placeholder(target, default_value=args[0] if args else ...), self.tracer)

    def get_attr(self, target, args, kwargs):
        """A step of the new graph."""
        return self.tracer.create_proxy("get_attr", target, args, kwargs)

    def call_module(self, target, args, kwargs):
        """A step of the new graph."""
        return self.tracer.create_proxy("call_module", target, args, kwargs)

    def call_function(self, target, args, kwargs):
        """A step of the new graph."""
        return self.tracer.create_proxy("call_function", target, args, kwargs)

    def call_method(self, target, args, kwargs):
        """A step of the new graph."""
        return self.tracer.create_proxy("call_method", target, args, kwargs)

    def transform(self) -> GraphModule:
        """The module of the new graph."""
        result = self.run()
        self.new_graph.output(map_proxies(result))
        return GraphModule(self.module, self.new_graph)


def map_proxies(value):
    """Nodes in the place of proxies."""
    from .node import map_aggregate

    return map_aggregate(value, lambda v: v.node if isinstance(v, Proxy) else v)


def replace_pattern(gm: GraphModule, pattern, replacement) -> list:
    """Replaces every part of a graph that does what ``pattern`` does by what ``replacement`` does; parts do not overlap.

    Args:
        gm: changed in place.
        pattern, replacement: functions or modules of the same inputs.

    Returns:
        For each part, a dict from the pattern's nodes to the graph's.
    """
    from .tracer import Tracer

    wanted, new = (g if isinstance(g, Graph) else Tracer().trace(g) for g in (pattern, replacement))
    inputs = [n for n in wanted.nodes if n.op == "placeholder"]
    anchor = wanted.output_node().args[0]
    found: list[dict] = []
    taken: set[Node] = set()
    for node in gm.graph.nodes:
        match: dict[Node, Node] = {}
        if not _matches(anchor, node, match):
            continue
        inner = {m for p, m in match.items() if p.op != "placeholder"}
        alone = all(set(m.users) <= inner for m in inner if m is not node)
        if inner & taken or not alone:
            continue
        taken |= inner
        found.append(match)
    for match in found:
        end = match[anchor]
        values = {p: match[q] for p, q in zip([n for n in new.nodes if n.op == "placeholder"], inputs, strict=True)}
        with gm.graph.inserting_before(end):
            result = gm.graph.graph_copy(new, values)
        end.replace_all_uses_with(result)
        for node in reversed([n for n in gm.graph.nodes if n in {m for p, m in match.items() if p.op != "placeholder"}]):
            gm.graph.erase_node(node)
    gm.recompile()
    return found


def _matches(p, n, match) -> bool:
    if not isinstance(p, Node):
        if isinstance(p, (list, tuple)):
            return isinstance(n, (list, tuple)) and len(p) == len(n) and all(
                _matches(a, b, match) for a, b in zip(p, n, strict=True))
        return not isinstance(n, Node) and type(p) is type(n) and p == n
    if not isinstance(n, Node):
        return False
    if p in match:
        return match[p] is n
    if p.op == "placeholder":
        match[p] = n
        return True
    if p.op != n.op or p.target != n.target or len(p.args) != len(n.args) or p.kwargs.keys() != n.kwargs.keys():
        return False
    match[p] = n
    return all(_matches(a, b, match) for a, b in zip(p.args, n.args, strict=True)) and all(
        _matches(p.kwargs[k], n.kwargs[k], match) for k in p.kwargs)
