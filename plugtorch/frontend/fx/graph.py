"""Graphs of calls, and the Python code they stand for."""

from __future__ import annotations

import builtins
import contextlib
import keyword
import operator
import re
from typing import Any, NamedTuple

from plugtorch.frontend import functions as fn

from .node import Node, map_arg, target_name

__all__ = ["Graph", "PythonCode"]


class PythonCode(NamedTuple):
    """The source of ``forward``, and the names that it uses."""

    src: str
    globals: dict[str, Any]


class Graph:
    """Steps in the order in which they run: inputs, calls, and one output."""

    def __init__(self, owning_module=None, tracer_cls=None, tracer_extras=None):
        self.owning_module, self._tracer_cls = owning_module, tracer_cls
        self._nodes: list[Node] = []
        self._names: set[str] = set()
        self._root = Node(self, "", "root", "", (), {})
        self._at: int | None = None

    @property
    def nodes(self) -> list[Node]:
        """The steps."""
        return list(self._nodes)

    # -- building -------------------------------------------------------------

    def _unique(self, candidate: str) -> str:
        plain = re.sub(r"[^0-9a-zA-Z_]+", "_", candidate).lstrip("0123456789") or "_unnamed"
        name, n = plain, 0
        while name in self._names or keyword.iskeyword(name) or hasattr(builtins, name) or name in ("self", "torch"):
            n += 1
            name = f"{plain}_{n}"
        self._names.add(name)
        return name

    def create_node(self, op: str, target, args=None, kwargs=None, name: str | None = None, type_expr=None) -> Node:
        """A new step, at the place where steps are inserted."""
        if name is None:
            base = target if isinstance(target, str) else getattr(target, "__name__", "node")
            name = base.rpartition(".")[2] if op == "call_function" else base.replace(".", "_")
            name = name.strip("_") or name
        node = Node(self, self._unique(name), op, target, args or (), kwargs or {}, type_expr)
        at = len(self._nodes) if self._at is None else self._at
        self._nodes.insert(at, node)
        if self._at is not None:
            self._at += 1
        return node

    def placeholder(self, name: str, type_expr=None, default_value=...) -> Node:
        """An input."""
        return self.create_node("placeholder", name, () if default_value is ... else (default_value,), type_expr=type_expr)

    def get_attr(self, qualified_name: str, type_expr=None) -> Node:
        """An attribute of the module."""
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def call_module(self, module_name: str, args=None, kwargs=None, type_expr=None) -> Node:
        """A call of a module inside the module."""
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def call_method(self, method_name: str, args=None, kwargs=None, type_expr=None) -> Node:
        """A call of a method of the first argument."""
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_function(self, the_function, args=None, kwargs=None, type_expr=None, name=None) -> Node:
        """A call of a function."""
        return self.create_node("call_function", the_function, args, kwargs, name, type_expr)

    def output(self, result, type_expr=None) -> Node:
        """What the graph gives."""
        return self.create_node("output", "output", (result,), type_expr=type_expr)

    def node_copy(self, node: Node, arg_transform=lambda n: n) -> Node:
        """A copy of a step of any graph, with its arguments translated."""
        args, kwargs = map_arg((node.args, node.kwargs), arg_transform)
        new = self.create_node(node.op, node.target, args, kwargs, node.name, node.type)
        new.meta = dict(node.meta)
        return new

    def graph_copy(self, g: Graph, val_map: dict, return_output_node: bool = False):
        """Copies the steps of a graph; returns what its output gives, translated."""
        for node in g._nodes:
            if node in val_map:
                continue
            if node.op == "output":
                found = map_arg(node.args[0], lambda n: val_map[n])
                return (found, node) if return_output_node else found
            val_map[node] = self.node_copy(node, lambda n: val_map[n])
        return None

    def __deepcopy__(self, memo=None):
        new, seen = Graph(tracer_cls=self._tracer_cls), {}
        found = new.graph_copy(self, seen, True)
        if found is not None:
            new.output(found[0], found[1].type)
        return new

    @contextlib.contextmanager
    def _inserting(self, at):
        before, self._at = self._at, at
        anchor = self._nodes[at] if before is not None and before < len(self._nodes) else None
        try:
            yield
        finally:
            self._at = before if anchor is None else self._nodes.index(anchor) if before is not None else None

    def inserting_before(self, n: Node | None = None):
        """A block whose new steps come before one."""
        return self._inserting(0 if n is None or n is self._root else self._nodes.index(n))

    def inserting_after(self, n: Node | None = None):
        """A block whose new steps come after one."""
        return self._inserting(len(self._nodes) if n is None or n is self._root else self._nodes.index(n) + 1)

    def erase_node(self, to_erase: Node) -> None:
        """Takes a step away.

        Raises:
            RuntimeError: others use its result.
        """
        if to_erase.users:
            raise RuntimeError(f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in the graph: "
                               f"{to_erase.users}!")
        to_erase._set((), {})
        self._nodes.remove(to_erase)

    def eliminate_dead_code(self, is_impure_node=None) -> bool:
        """Takes away steps whose results nobody uses and that do nothing else; whether there were any."""
        impure, changed = is_impure_node or Node.is_impure, False
        for node in reversed(self.nodes):
            if not node.users and not impure(node):
                self.erase_node(node)
                changed = True
        return changed

    def find_nodes(self, *, op: str, target=None, sort: bool = True) -> list[Node]:
        """The steps of one kind, and of one target."""
        return [n for n in self._nodes if n.op == op and (target is None or n.target == target)]

    def output_node(self) -> Node:
        """The output."""
        return next(n for n in reversed(self._nodes) if n.op == "output")

    def lint(self) -> None:
        """Raises unless every step uses steps of this graph that come before it, names are unique, and the module has what
        is called.

        Raises:
            RuntimeError: it is not so.
        """
        seen: set[Node] = set()
        names: set[str] = set()
        for node in self._nodes:
            if node.graph is not self:
                raise RuntimeError(f"Node '{node}' does not belong to this Graph!")
            for used in node.all_input_nodes:
                if used.graph is not self:
                    raise RuntimeError(f"Argument '{used}' of Node '{node}' does not belong to this Graph, but was used as "
                                       "an argument! If you are copying nodes from another graph, make sure to use "
                                       "``arg_transform`` on node_copy() to remap values")
                if used not in seen:
                    raise RuntimeError(f"Argument '{used}' of Node '{node}' was used before it has been defined! Please "
                                       f"check that Nodes in the graph are topologically ordered\n{self}")
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            seen.add(node)
            names.add(node.name)
            if self.owning_module is not None and node.op in ("call_module", "get_attr"):
                place = self.owning_module
                for part in node.target.split("."):
                    if not hasattr(place, part):
                        raise RuntimeError(f"Node {node} target {node.target} references nonexistent attribute {part} of "
                                           f"{node.target.rpartition('.')[0]}")
                    place = getattr(place, part)

    # -- code -----------------------------------------------------------------

    def python_code(self, root_module: str = "self", **_) -> PythonCode:
        """The source of ``forward`` that does the steps."""
        import plugtorch

        names: dict[str, Any] = {"torch": plugtorch, "device": fn.device}

        def global_name(value, hint):
            plain = re.sub(r"[^0-9a-zA-Z_]", "_", hint)
            name, n = plain, 0
            while name in names and names[name] is not value or name in self._names:
                n += 1
                name = f"{plain}_{n}"
            names[name] = value
            return name

        def text(value):
            if isinstance(value, Node):
                return value.name
            if isinstance(value, tuple) and hasattr(value, "_fields"):
                return f"{global_name(type(value), type(value).__name__)}({', '.join(map(text, value))})"
            if isinstance(value, tuple):
                return f"({', '.join(map(text, value))}{',' if len(value) == 1 else ''})"
            if isinstance(value, list):
                return f"[{', '.join(map(text, value))}]"
            if isinstance(value, dict):
                return "{" + ", ".join(f"{k!r}: {text(v)}" for k, v in value.items()) + "}"
            if isinstance(value, slice):
                return f"slice({text(value.start)}, {text(value.stop)}, {text(value.step)})"
            if value is None or value is Ellipsis or isinstance(value, (bool, int, str, bytes)):
                return repr(value)
            if isinstance(value, float) and value == value and abs(value) != float("inf"):
                return repr(value)
            if isinstance(value, fn.dtype):
                return f"torch.{value.name}"
            return global_name(value, getattr(value, "__name__", type(value).__name__))

        inputs, body, last = [], [], _last_uses(self._nodes)
        for node in self._nodes:
            call = ", ".join([*map(text, node.args), *(f"{k} = {text(v)}" for k, v in node.kwargs.items())])
            ends = "".join(f"{n.name} = " for n in last.get(node, ()))
            ends = f";  {ends}None" if ends else ""
            if node.op == "placeholder":
                default = f" = {text(node.args[0])}" if node.args else ""
                star = "*" * (len(node.target) - len(node.target.lstrip("*")))
                inputs.append(f"{star}{node.name}{default}")
            elif node.op == "output":
                body.append(f"return {text(node.args[0])}")
            elif node.op == "get_attr":
                body.append(f"{node.name} = {_path(root_module, node.target)}{ends}")
            elif node.op == "call_module":
                body.append(f"{node.name} = {_path(root_module, node.target)}({call}){ends}")
            elif node.op == "call_method":
                rest = ", ".join([*map(text, node.args[1:]), *(f"{k} = {text(v)}" for k, v in node.kwargs.items())])
                body.append(f"{node.name} = {text(node.args[0])}.{node.target}({rest}){ends}")
            else:
                body.append(f"{node.name} = {_call(node, text, global_name, call)}{ends}")
        lines = "\n    ".join(body or ["pass"])
        return PythonCode(f"\n\n\ndef forward({', '.join([root_module, *inputs])}):\n    {lines}\n    ", names)

    def print_tabular(self) -> None:
        """Prints the steps as a table."""
        rows = [("opcode", "name", "target", "args", "kwargs"),
                *((n.op, n.name, str(n.target), str(n.args), str(n.kwargs)) for n in self._nodes)]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.insert(1, "  ".join("-" * w for w in widths))
        print("\n".join(lines))

    def __str__(self):
        return "graph():\n" + "\n".join(f"    {n.format_node()}" for n in self._nodes)


_INFIX = {operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/", operator.floordiv: "//",
          operator.mod: "%", operator.pow: "**", operator.matmul: "@", operator.and_: "&", operator.or_: "|",
          operator.xor: "^", operator.lshift: "<<", operator.rshift: ">>", operator.eq: "==", operator.ne: "!=",
          operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">="}
_PREFIX = {operator.neg: "-", operator.pos: "+", operator.invert: "~"}


def _call(node, text, global_name, arguments):
    """A call of a function as code: an operator where it is one, a public name of the library, or a name of its own."""
    target, args = node.target, node.args
    if target in _INFIX and len(args) == 2:
        left, right = (f"({t})" if t.startswith("-") else t for t in map(text, args))
        return f"{left} {_INFIX[target]} {right}"
    if target in _PREFIX and len(args) == 1:
        return f"{_PREFIX[target]}{text(args[0])}"
    if target is operator.getitem and len(args) == 2:
        return f"{text(args[0])}[{text(args[1])}]"
    if target is getattr and len(args) == 2 and isinstance(args[1], str) and args[1].isidentifier():
        return f"{text(args[0])}.{args[1]}"
    shown = target_name(target)
    if shown.startswith("torch.") or getattr(builtins, shown, None) is target:
        return f"{shown}({arguments})"
    return f"{global_name(target, shown)}({arguments})"


def _path(root, target):
    """An attribute's place in code; parts that are no identifiers are asked for by ``getattr``."""
    for part in target.split("."):
        root = f"{root}.{part}" if part.isidentifier() else f'getattr({root}, "{part}")'
    return root


def _last_uses(nodes) -> dict[Node, list[Node]]:
    """By step, the results that are not used after it."""
    found: dict[Node, list[Node]] = {}
    seen: set[Node] = set()
    for node in reversed(nodes):
        for used in node.all_input_nodes:
            if used not in seen and node.op != "output":
                found.setdefault(node, []).append(used)
            seen.add(used)
    return found
