"""``torch.ops.aten``: the library's functions under PyTorch's internal names of ops.

Every overload (``aten.add.Tensor``, ``aten.add.Scalar``, ``aten.sum.dim_IntList``) is the one function, which looks at its
arguments itself.
"""

from __future__ import annotations

import importlib

# Prefixes that stand for modules in PyTorch's flat list of ops.
_PREFIXES = {"linalg_": "plugtorch.linalg", "fft_": "plugtorch.fft", "special_": "plugtorch.special"}


def _find(name):
    module = next((m for prefix, m in _PREFIXES.items() if name.startswith(prefix)), None)
    if module is not None:
        return getattr(importlib.import_module(module), name.split("_", 1)[1], None)
    for place in ("plugtorch", "plugtorch.nn.functional", "plugtorch.frontend.native",
                  "plugtorch.frontend.nn.native"):
        found = getattr(importlib.import_module(place), name, None)
        if callable(found):
            return found
    from .tensor import Tensor

    return getattr(Tensor, name, None)


class OpOverload:
    """One overload of an op."""

    def __init__(self, packet, overload):
        self.__name__, self._function, self._packet = f"{packet.__name__}.{overload}", packet._function, packet

    def __call__(self, *args, **kwargs):
        return self._function(*args, **kwargs)

    @property
    def overloadpacket(self):
        """The op of which this is an overload."""
        return self._packet

    def __repr__(self):
        return f"<OpOverload(op='aten.{self.__name__}')>"


class OpOverloadPacket:
    """An op with its overloads as attributes."""

    def __init__(self, name, function):
        self.__name__, self._function = name, function
        self.__doc__ = function.__doc__

    def __call__(self, *args, **kwargs):
        return self._function(*args, **kwargs)

    def __getattr__(self, overload):
        if overload.startswith("__"):
            raise AttributeError(overload)
        found = OpOverload(self, overload)
        setattr(self, overload, found)
        return found

    def __repr__(self):
        return f"<OpOverloadPacket(op='aten.{self.__name__}')>"


class Aten:
    """The namespace: an attribute per function, made when it is first asked for."""

    def __getattr__(self, name):
        function = None if name.startswith("__") else _find(name)
        if function is None:
            raise AttributeError(f"'_OpNamespace' 'aten' object has no attribute '{name}'")
        packet = OpOverloadPacket(name, function)
        setattr(self, name, packet)
        return packet


aten = Aten()
