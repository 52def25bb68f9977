"""Copies of a module on several devices, through which gradients reach the original."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.parallel.scatter_gather import place

__all__ = ["replicate"]


def _copied(module, tensors):
    replica = module.__new__(type(module))
    replica.__dict__ = dict(module.__dict__)
    replica._parameters, replica._buffers = {}, {}
    for name, p in module._parameters.items():
        # Not a parameter, but a copy of one: an attribute that autograd traces to the original.
        if p is None:
            replica._parameters[name] = None
        else:
            replica.__dict__[name] = tensors[id(p)]
    for name, b in module._buffers.items():
        replica._buffers[name] = None if b is None else tensors[id(b)]
    replica._modules = {name: None if m is None else _copied(m, tensors) for name, m in module._modules.items()}
    return replica


def replicate(network: Module, devices: Any, detach: bool = False) -> list[Module]:
    """One copy of the module per device; its parameters there are functions of the original's, unless ``detach``."""
    copies = []
    for device in devices:
        target = place(device)
        tensors = {id(t): (t.detach() if detach else t).to(target) for t in (*network.parameters(), *network.buffers())}
        copies.append(_copied(network, tensors))
    return copies
