"""``Variable``, PyTorch's old name for tensors."""

from __future__ import annotations

from . import base


class VariableMeta(type):
    """Every tensor is a Variable."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, base.TensorBase)


class Variable(metaclass=VariableMeta):
    """``Variable(tensor, requires_grad=False)`` gives a tensor on the same memory, outside any graph; every tensor is an
    instance."""

    def __new__(cls, data=None, requires_grad=False, volatile=None):
        from .aliasing import share

        if data is None:
            return base.tensor_class()
        t = share(data, data._a)
        if requires_grad:
            t.requires_grad_()
        return t


__all__ = ["Variable", "VariableMeta"]
