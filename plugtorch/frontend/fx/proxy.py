"""Proxies: what a traced function gets in the place of its inputs; what is done with them is recorded."""

from __future__ import annotations

import operator
from typing import Any

from .node import PLAIN, Node, map_aggregate

__all__ = ["Attribute", "Proxy", "TraceError", "TracerBase"]


class TraceError(ValueError):
    """A function cannot be traced."""


class TracerBase:
    """What makes nodes and proxies; see :class:`Tracer`."""

    graph: Any

    def create_node(self, kind, target, args, kwargs, name=None, type_expr=None) -> Node:
        """A step of the graph."""
        return self.graph.create_node(kind, target, args, kwargs, name, type_expr)

    def proxy(self, node: Node) -> Proxy:
        """A proxy of a step's result."""
        return Proxy(node, self)

    def create_proxy(self, kind, target, args, kwargs, name=None, type_expr=None, proxy_factory_fn=None) -> Proxy:
        """A step with its arguments translated, and a proxy of its result."""
        node = self.create_node(kind, target, self.create_arg(args), self.create_arg(kwargs), name, type_expr)
        return (proxy_factory_fn or self.proxy)(node)

    def create_arg(self, a: Any) -> Any:
        """An argument with nodes in the place of proxies.

        Raises:
            NotImplementedError: a value that a graph cannot hold.
        """

        def one(value):
            if isinstance(value, Proxy):
                return value.node
            if isinstance(value, (Node, *PLAIN)) or callable(value):
                return value
            raise NotImplementedError(f"argument of type: {type(value)}")

        return map_aggregate(a, one)

    def to_bool(self, obj: Proxy) -> bool:
        """The truth of a proxy.

        Raises:
            TraceError: always: it is not known while tracing.
        """
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj: Proxy):
        """The parts of a proxy.

        Raises:
            TraceError: always: their number is not known while tracing.
        """
        raise TraceError("Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as a "
                         "*args or **kwargs function argument. See the torch.fx docs on pytorch.org for a more detailed "
                         "explanation of what types of control flow can be traced, and check out the Proxy docstring for "
                         "help troubleshooting Proxy iteration errors")

    def keys(self, obj: Proxy):
        """The keys of a proxy that stands for keyword arguments."""
        return Attribute(obj, "keys")()


class Proxy:
    """Stands for the result of a step; functions, methods and operators of it are recorded as further steps."""

    def __init__(self, node: Node, tracer: TracerBase | None = None):
        self.node, self.tracer = node, tracer if tracer is not None else _GraphAppender(node.graph)

    def __repr__(self):
        return f"Proxy({self.node.name})"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Attribute(self, name)

    def __call__(self, *args, **kwargs):
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self):
        return self.tracer.iter(self)

    def __bool__(self):
        return self.tracer.to_bool(self)

    def __len__(self):
        raise RuntimeError("'len' is not supported in symbolic tracing by default. If you want this call to be recorded, "
                           "please call torch.fx.wrap('len') at module scope")

    def keys(self):
        return self.tracer.keys(self)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        from plugtorch.frontend.tensor import Tensor

        kwargs = kwargs or {}
        found = []
        map_aggregate((args, kwargs), lambda v: found.append(v.tracer) if isinstance(v, Proxy) else None)
        name = getattr(func, "__name__", "")
        if vars(Tensor).get(name) is func:
            return found[0].create_proxy("call_method", name, args, kwargs)
        return found[0].create_proxy("call_function", func, args, kwargs)


class _GraphAppender(TracerBase):
    """Records what is done with a proxy made of a node of a graph."""

    def __init__(self, graph):
        self.graph = graph


class Attribute(Proxy):
    """An attribute of a proxy, recorded when it is used; a call of it is a call of a method."""

    def __init__(self, root: Proxy, attr: str):
        self.root, self.attr, self.tracer = root, attr, root.tracer
        self._node: Node | None = None

    @property
    def node(self):
        if self._node is None:
            self._node = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {}).node
        return self._node

    def __call__(self, *args, **kwargs):
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


def _operator(name, function, swapped=False):
    def method(self, *args):
        return self.tracer.create_proxy("call_function", function, (*args, self) if swapped else (self, *args), {})

    method.__name__ = name
    setattr(Proxy, name, method)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift"):
    _function = getattr(operator, f"{_name}_" if _name in ("and", "or") else _name)
    _operator(f"__{_name}__", _function)
    _operator(f"__r{_name}__", _function, True)
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "getitem"):
    _operator(f"__{_name}__", getattr(operator, _name))
for _name, _function in {"neg": operator.neg, "pos": operator.pos, "invert": operator.invert, "abs": operator.abs}.items():
    _operator(f"__{_name}__", _function)
Proxy.__hash__ = object.__hash__
