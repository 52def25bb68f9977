"""Nodes: the calls, inputs and outputs that a graph is made of."""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Callable
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Size, Tensor

__all__ = ["Node", "has_side_effect", "map_aggregate", "map_arg"]

_EFFECTS: set = {builtins.print}


def has_side_effect(function: Callable) -> Callable:
    """Marks a function whose calls are kept where nobody uses their result; returns it."""
    _EFFECTS.add(function)
    return function


def map_aggregate(a: Any, function: Callable) -> Any:
    """``function`` of every value in nested tuples, lists, dicts and slices."""
    if isinstance(a, tuple) and not isinstance(a, Size):
        parts = [map_aggregate(v, function) for v in a]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    if isinstance(a, list):
        return [map_aggregate(v, function) for v in a]
    if isinstance(a, dict):
        return {k: map_aggregate(v, function) for k, v in a.items()}
    if isinstance(a, slice):
        return slice(*(map_aggregate(v, function) for v in (a.start, a.stop, a.step)))
    return function(a)


def map_arg(a: Any, function: Callable) -> Any:
    """``function`` of every node in nested tuples, lists, dicts and slices."""
    return map_aggregate(a, lambda v: function(v) if isinstance(v, Node) else v)


def target_name(target) -> str:
    """How a target is called in listings and generated code."""
    if isinstance(target, str):
        return target
    module = getattr(target, "__module__", "") or ""
    name = getattr(target, "__name__", str(target))
    if module in ("builtins", "_operator"):
        return f"{module}.{name}".replace("builtins.", "").replace("_operator", "operator")
    for place in ("", ".nn.functional", ".linalg", ".special", ".fft"):
        found = sys.modules.get("plugtorch" + place)
        if found is not None and getattr(found, name, None) is target:
            return f"torch{place}.{name}"
    return f"{module}.{name}"


class Node:
    """One step of a graph.

    Attributes:
        graph: its graph.
        name: unique in the graph.
        op: "placeholder" (an input), "get_attr", "call_function", "call_module", "call_method" or "output".
        target: the input's or attribute's name, the function, or the name of the module or method.
        args, kwargs: arguments, in which nodes stand for their results.
        users: the nodes that have it in their arguments.
        meta: notes.
    """

    def __init__(self, graph, name: str, op: str, target, args: tuple, kwargs: dict, return_type=None):
        if op not in ("placeholder", "get_attr", "call_function", "call_module", "call_method", "output", "root"):
            raise AssertionError(f"unknown op {op!r}")
        if op == "call_function" and not callable(target):
            raise ValueError(f"Node [graph = {graph}, name = '{name}'] target {target} has type {type(target)} but a "
                             "Callable is expected")
        self.graph, self.name, self.op, self.target, self.type = graph, name, op, target, return_type
        self.users: dict[Node, None] = {}
        self._inputs: dict[Node, None] = {}
        self.meta: dict[str, Any] = {}
        self._args, self._kwargs = (), {}
        self._set(args, kwargs)

    def _set(self, args, kwargs):
        for node in self._inputs:
            node.users.pop(self, None)
        self._inputs = {}
        self._args, self._kwargs = tuple(args), dict(kwargs)
        map_arg((self._args, self._kwargs), lambda node: self._inputs.setdefault(node))
        for node in self._inputs:
            node.users.setdefault(self)

    @property
    def args(self) -> tuple:
        return self._args

    @args.setter
    def args(self, args):
        self._set(args, self._kwargs)

    @property
    def kwargs(self) -> dict:
        return self._kwargs

    @kwargs.setter
    def kwargs(self, kwargs):
        self._set(self._args, kwargs)

    @property
    def all_input_nodes(self) -> list[Node]:
        """The nodes in its arguments, each once."""
        return list(self._inputs)

    @property
    def next(self) -> Node:
        """The node after it."""
        nodes = self.graph._nodes
        at = nodes.index(self) + 1
        return nodes[at] if at < len(nodes) else self.graph._root

    @property
    def prev(self) -> Node:
        """The node before it."""
        nodes = self.graph._nodes
        at = nodes.index(self) - 1
        return nodes[at] if at >= 0 else self.graph._root

    def _move(self, other, after):
        nodes = self.graph._nodes
        nodes.remove(self)
        nodes.insert(nodes.index(other) + after, self)

    def prepend(self, x: Node) -> None:
        """Puts another node of the graph before this one."""
        x._move(self, 0)

    def append(self, x: Node) -> None:
        """Puts another node of the graph after this one."""
        x._move(self, 1)

    def update_arg(self, idx: int, arg) -> None:
        """Replaces an argument."""
        args = list(self._args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg) -> None:
        """Adds an argument before another."""
        self.args = (*self._args[:idx], arg, *self._args[idx:])

    def update_kwarg(self, key: str, arg) -> None:
        """Replaces a keyword argument."""
        self.kwargs = {**self._kwargs, key: arg}

    def replace_input_with(self, old_input: Node, new_input: Node) -> None:
        """Puts another node in the place of one in its arguments."""
        self._set(*map_arg((self._args, self._kwargs), lambda n: new_input if n is old_input else n))

    def replace_all_uses_with(self, replace_with: Node, delete_user_cb=lambda user: True, *,
                              propagate_meta: bool = False) -> list[Node]:
        """Puts another node in its place in the arguments of its users; returns those."""
        users = [u for u in self.users if delete_user_cb(u)]
        if propagate_meta:
            replace_with.meta.update(self.meta)
        for user in users:
            user.replace_input_with(self, replace_with)
        return users

    def is_impure(self, impure_random: bool = True) -> bool:
        """Whether it does something besides giving a result."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_function":
            return self.target in _EFFECTS or getattr(self.target, "__name__", "").endswith("_")
        return self.op == "call_method" and self.target.endswith("_") and not self.target.endswith("__")

    def format_node(self, placeholder_names=None, maybe_return_typename=None, **_) -> str | None:
        """A line about it."""
        if self.op == "placeholder":
            default = f"(default={self.args[0]})" if self.args else ""
            return f"%{self.name} : [num_users={len(self.users)}] = placeholder[target={self.target}]{default}"
        if self.op == "output":
            return f"return {self.args[0]}"
        shown = self.target if self.op != "call_function" else target_name(self.target)
        if self.op == "get_attr":
            return f"%{self.name} : [num_users={len(self.users)}] = get_attr[target={shown}]"
        args = ", ".join(map(_percent, self.args)) + ("," if len(self.args) == 1 else "")
        kwargs = ", ".join(f"{k}: {_percent(v)}" for k, v in self.kwargs.items())
        return (f"%{self.name} : [num_users={len(self.users)}] = {self.op}[target={shown}](args = ({args}), "
                f"kwargs = {{{kwargs}}})")

    def __repr__(self):
        return self.name


def _percent(value) -> str:
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(_percent, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    return f"%{value.name}" if isinstance(value, Node) else repr(value) if not isinstance(value, type(None)) else "None"


PLAIN = (int, float, bool, complex, str, bytes, type(None), type(...), fn.dtype, fn.device, fn.layout, fn.memory_format,
         range, types.FunctionType, types.BuiltinFunctionType, type, Size, Tensor)
