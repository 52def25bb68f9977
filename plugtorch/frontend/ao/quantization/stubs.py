"""Marks of where a model's values become integers, and floats again."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.module import Module

__all__ = ["DeQuantStub", "QuantStub", "QuantWrapper"]


class _Stub(Module):
    """The identity, with a configuration.

    Args:
        qconfig: what to quantise with, or None for that of the module around it.
    """

    def __init__(self, qconfig=None):
        super().__init__()
        if qconfig:
            self.qconfig = qconfig

    def forward(self, x):
        return x


class QuantStub(_Stub):
    """Marks where values are to be quantised: the identity, which ``prepare`` gives an observer and ``convert`` replaces."""


class DeQuantStub(_Stub):
    """Marks where values are to be dequantised: the identity, which ``convert`` replaces."""


class QuantWrapper(Module):
    """A module between both marks.

    Args:
        module: the module; its ``qconfig`` holds for the marks.
    """

    def __init__(self, module: Module):
        super().__init__()
        qconfig = getattr(module, "qconfig", None)
        self.add_module("quant", QuantStub(qconfig))
        self.add_module("dequant", DeQuantStub(qconfig))
        self.add_module("module", module)
        self.train(module.training)

    def forward(self, X):
        return self.dequant(self.module(self.quant(X)))
