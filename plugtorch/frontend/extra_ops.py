"""Ops that plugins bring: ``plugtorch.ops.NAMESPACE.NAME(...)``, on every backend, with gradients; and ``ops.aten``."""

from __future__ import annotations

from plugtorch.autograd.record import apply
from plugtorch.spec.op import OPS
from plugtorch.spec.registry import load_op_plugins


class _Namespace:
    """The ops of one plugin."""

    def __init__(self, name):
        self.__name__ = name

    def __getattr__(self, name):
        op = OPS.get(f"{self.__name__}_{name}")
        if op is None:
            raise AttributeError(f"plugin namespace {self.__name__!r} has no op {name!r}; it has {', '.join(dir(self))}")

        def call(*operands, **params):
            return apply(op.name, operands, params)

        call.__name__, call.__doc__, call.__signature__ = name, op.doc, op.signature
        setattr(self, name, call)
        return call

    def __dir__(self):
        family = f"plugin {self.__name__}"
        return sorted(n.removeprefix(self.__name__ + "_") for n, op in OPS.items() if op.family == family)


class Ops:
    """``plugtorch.ops``: one attribute per plugin that brings ops. Plugins are imported when it is first asked."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "aten":
            from .aten import aten

            return aten
        if name not in dir(self):
            raise AttributeError(f"no installed plugin brings ops called 'plugtorch.ops.{name}'; installed namespaces: "
                                 f"{', '.join(dir(self)) or 'none'}. A plugin has an entry point 'ops+{name}' in the group "
                                 "'plugtorch'")
        space = _Namespace(name)
        setattr(self, name, space)
        return space

    def __dir__(self):
        load_op_plugins()
        return sorted({op.family.removeprefix("plugin ") for op in OPS.values() if op.family.startswith("plugin ")})


ops = Ops()
