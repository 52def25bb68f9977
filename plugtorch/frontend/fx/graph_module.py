"""Modules that run a graph by the Python code it stands for."""

from __future__ import annotations

import copy
import itertools
import linecache

from plugtorch.frontend.nn.modules.module import Module

from .graph import Graph

__all__ = ["GraphModule"]

_numbers = itertools.count()


def _copy_attribute(source, target, path):
    *folders, name = path.split(".")
    for folder in folders:
        if not hasattr(target, folder):
            target.add_module(folder, Module())
        source, target = getattr(source, folder), getattr(target, folder)
    value = getattr(source, name)
    if name in source.__dict__.get("_buffers", {}):
        target.register_buffer(name, value)
    else:
        setattr(target, name, value)


class GraphModule(Module):
    """A module whose ``forward`` is the code of a graph.

    Args:
        root: the module that has what the graph uses, or a dict of it by dotted names.
        graph: its graph; after changing it, :meth:`recompile`.
        class_name: of the new module.

    Attributes:
        code: the source of ``forward``.
    """

    def __new__(cls, *args, **kwargs):
        # each has a class of its own, on which forward is put
        own = cls if "_graph_class" in cls.__dict__ else type(cls.__name__, (cls,), {"_graph_class": True,
                                                                                     "__module__": cls.__module__})
        return super().__new__(own)

    def __init__(self, root, graph: Graph, class_name: str = "GraphModule"):
        super().__init__()
        type(self).__name__ = type(self).__qualname__ = class_name
        used = dict.fromkeys(n.target for n in graph.nodes if n.op in ("call_module", "get_attr"))
        if isinstance(root, Module):
            self.training = root.training
            for path in used:
                _copy_attribute(root, self, path)
        else:
            for path in sorted(used, key=lambda p: p.count(".")):
                if path not in root:
                    raise RuntimeError(f"Node referenced target {path} but that target was not provided in ``root``!")
                *folders, name = path.split(".")
                place = self
                for folder in folders:
                    if not hasattr(place, folder):
                        place.add_module(folder, Module())
                    place = getattr(place, folder)
                setattr(place, name, root[path])
        self.__dict__["meta"] = {}
        self.graph = graph

    @property
    def graph(self) -> Graph:
        return self.__dict__["_graph"]

    @graph.setter
    def graph(self, g: Graph):
        if not isinstance(g, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(g)}")
        self.__dict__["_graph"] = g
        g.owning_module = self
        self.recompile()

    @property
    def code(self) -> str:
        return self.__dict__["_code"]

    def recompile(self):
        """Makes ``forward`` of the graph as it is now; returns the code."""
        made = self.graph.python_code("self")
        self.__dict__["_code"] = made.src
        name = f"<fx graph {next(_numbers)}>"
        scope = dict(made.globals)
        exec(compile(made.src, name, "exec", dont_inherit=True), scope)
        linecache.cache[name] = (len(made.src), None, made.src.splitlines(True), name)  # for tracebacks
        type(self).forward = scope["forward"]
        return made

    def print_readable(self, print_output: bool = True, **_) -> str:
        """The code as that of a class; printed, too."""
        text = f"class {type(self).__name__}(torch.nn.Module):\n" + "\n".join(
            "    " + line for line in self.code.strip().splitlines())
        if print_output:
            print(text)
        return text

    def add_submodule(self, target: str, m: Module) -> bool:
        """Puts a module at a dotted name; whether it could."""
        *folders, name = target.split(".")
        place = self
        for folder in folders:
            if not hasattr(place, folder):
                place.add_module(folder, Module())
            place = getattr(place, folder)
            if not isinstance(place, Module):
                return False
        place.add_module(name, m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Takes the module at a dotted name away; whether there was one."""
        folder, _, name = target.rpartition(".")
        place = self.get_submodule(folder) if folder else self
        if not isinstance(getattr(place, name, None), Module):
            return False
        delattr(place, name)
        return True

    def delete_all_unused_submodules(self) -> None:
        """Takes away the modules that the graph does not call."""
        used = {n.target for n in self.graph.nodes if n.op in ("call_module", "get_attr")}
        for name, _ in list(self.named_modules()):
            if name and not any(u == name or u.startswith(name + ".") or name.startswith(u + ".") for u in used):
                self.delete_submodule(name)

    def __deepcopy__(self, memo):
        new = GraphModule(_holder(self, memo), copy.deepcopy(self.graph), type(self).__name__)
        new.__dict__["meta"] = dict(self.meta)
        return new

    __copy__ = lambda self: GraphModule(self, copy.deepcopy(self.graph), type(self).__name__)  # noqa: E731

    def __reduce__(self):
        raise TypeError("a GraphModule is not pickled: save its state_dict(), and trace the module again")

    def __str__(self):
        return f"{super().__repr__()}\n\n{self.code}\n\n# To see more debug info, please use `graph_module.print_readable()`"


def _holder(module, memo):
    """A plain module with copies of what a graph module has."""
    plain = Module()
    plain.__dict__.update({k: copy.deepcopy(v, memo) for k, v in module.__dict__.items()
                           if k not in ("_graph", "_code", "meta")})
    return plain
