"""Tracing: calling a function or module with proxies, and recording what it does with them."""

from __future__ import annotations

import builtins
import functools
import inspect
from contextvars import ContextVar
from typing import Any

from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.overrides import install_in_layers
from plugtorch.frontend.tensor import Tensor

from .graph import Graph
from .graph_module import GraphModule
from .node import map_aggregate
from .proxy import Proxy, TracerBase

__all__ = ["Tracer", "is_fx_tracing", "symbolic_trace", "wrap"]

_tracing: ContextVar[Any] = ContextVar("plugtorch_fx_tracing", default=None)
_wrapped: list[tuple[dict, str]] = []


def is_fx_tracing() -> bool:
    """Whether a trace is being taken."""
    return _tracing.get() is not None


def wrap(fn_or_name):
    """Makes a global function of the calling module one step of traces, in which it is not looked into.

    Args:
        fn_or_name: the function (also as a decorator), or its name.

    Raises:
        RuntimeError: neither.
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    name = fn_or_name if isinstance(fn_or_name, str) else fn_or_name.__name__
    frame = inspect.currentframe().f_back
    if frame.f_code.co_name != "<module>":
        raise NotImplementedError("wrap must be called at the top level of a module")
    _wrapped.append((frame.f_globals, name))
    return fn_or_name


def _recording(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        found: list[Proxy] = []
        map_aggregate((args, kwargs), lambda v: found.append(v) if isinstance(v, Proxy) else None)
        if found:
            return found[0].tracer.create_proxy("call_function", function, args, kwargs)
        return function(*args, **kwargs)

    return call


class Tracer(TracerBase):
    """Records a function or module as a :class:`Graph`. Modules of :mod:`plugtorch.nn` are single steps; others are looked
    into, which a subclass may change by :meth:`is_leaf_module`."""

    def __init__(self, autowrap_modules=(), autowrap_functions=(), param_shapes_constant: bool = False):
        self._functions = tuple(autowrap_functions)
        self.root: Module | None = None

    def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:
        """Whether a call of a module is one step."""
        from plugtorch.frontend.nn.modules.container import Sequential

        module = type(m).__module__
        return (module.startswith("plugtorch.") and not isinstance(m, (Sequential, GraphModule))
                and not module.startswith("plugtorch.frontend.fx"))

    def path_of_module(self, mod: Module) -> str:
        """The dotted name of a module inside the one that is traced.

        Raises:
            NameError: it is not inside.
        """
        for name, module in self.root.named_modules():
            if module is mod:
                return name
        raise NameError("module is not installed as a submodule")

    def call_module(self, m: Module, forward, args: tuple, kwargs: dict) -> Any:
        """What a call of a module does: a step, or its own steps."""
        name = self.path_of_module(m)
        if self.is_leaf_module(m, name):
            return self.create_proxy("call_module", name, args, kwargs)
        return forward(*args, **kwargs)

    def create_arg(self, a: Any) -> Any:
        """An argument with nodes in the place of proxies, parameters and tensors of the module."""

        def one(value):
            if isinstance(value, Tensor) and not isinstance(value, Proxy):
                return self._attribute(value)
            return value

        return super().create_arg(map_aggregate(a, one))

    def _attribute(self, value):
        """A step that reads a tensor of the module; others become attributes of it."""
        place = self._tensors.get(id(value))
        if place is None:
            n = 0
            while hasattr(self.root, f"_tensor_constant{n}"):
                n += 1
            place = f"_tensor_constant{n}"
            if isinstance(value, Parameter):
                raise NameError("parameter is not a member of this module")
            setattr(self.root, place, value)
            self._tensors[id(value)] = place
        return self.create_node("get_attr", place, (), {})

    def trace(self, root, concrete_args: dict | None = None) -> Graph:
        """The graph of a function or module.

        Args:
            root: traced: called with proxies in the place of its arguments.
            concrete_args: values that arguments have, by name; they are no inputs of the graph.

        Raises:
            TraceError: what is done depends on a value.
        """
        if isinstance(root, Module):
            self.root, function = root, type(root).forward
            bound: tuple = (root,)
        else:
            self.root, function, bound = Module(), root, ()
        self.graph = Graph(tracer_cls=type(self))
        self._tensors = {}
        for name, module in self.root.named_modules():
            for own, value in (*module._parameters.items(), *module._buffers.items(),
                               *((k, v) for k, v in vars(module).items() if isinstance(v, Tensor))):
                if value is not None:
                    self._tensors.setdefault(id(value), f"{name}.{own}" if name else own)
        args, kwargs = self._inputs(function, bool(bound), concrete_args or {})
        install_in_layers()
        result = self._record(function, (*bound, *args), kwargs)
        self.create_node("output", "output", (self.create_arg(result),), {})
        return self.graph

    def _inputs(self, function, method, concrete):
        parameters = list(inspect.signature(function).parameters.values())[1 if method else 0:]
        args, kwargs = [], {}
        for p in parameters:
            if p.name in concrete:
                value = concrete[p.name]
            elif p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                star = "*" if p.kind is p.VAR_POSITIONAL else "**"
                self.create_proxy("placeholder", star + p.name, (), {})
                raise self._no_stars(star + p.name)
            else:
                default = () if p.default is p.empty else (p.default,)
                value = self.create_proxy("placeholder", p.name, default, {})
            if p.kind is p.KEYWORD_ONLY:
                kwargs[p.name] = value
            else:
                args.append(value)
        return args, kwargs

    @staticmethod
    def _no_stars(name):
        from .proxy import TraceError

        return TraceError(f"the function takes {name}, the number of which is not known while tracing; give them names")

    def _record(self, function, args, kwargs):
        own = Module.__call__
        replaced: list[tuple[dict, str, Any]] = []

        def call(module, *a, **k):
            if _tracing.get() is not self:
                return own(module, *a, **k)
            return self.call_module(module, lambda *a, **k: own(module, *a, **k), a, k)

        token = _tracing.set(self)
        Module.__call__ = call
        try:
            for scope, name in _wrapped:
                plain = scope.get(name, getattr(builtins, name, None))
                replaced.append((scope, name, scope.get(name, ...)))
                scope[name] = _recording(plain)
            for plain in self._functions:
                scope = plain.__globals__
                replaced.append((scope, plain.__name__, scope[plain.__name__]))
                scope[plain.__name__] = _recording(plain)
            return function(*args, **kwargs)
        finally:
            Module.__call__ = own
            _tracing.reset(token)
            for scope, name, before in reversed(replaced):
                if before is ...:
                    del scope[name]
                else:
                    scope[name] = before


def symbolic_trace(root, concrete_args: dict | None = None) -> GraphModule:
    """A module that does the steps of a function or module, recorded by calling it with proxies; see :class:`Tracer`."""
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    name = type(root).__name__ if isinstance(root, Module) else root.__name__
    return GraphModule(tracer.root, graph, name)
