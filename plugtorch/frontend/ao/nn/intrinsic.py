"""Sequences of layers that are quantised as one; what :func:`fuse_modules` makes."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.activation import LeakyReLU, ReLU, Tanh
from plugtorch.frontend.nn.modules.batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from plugtorch.frontend.nn.modules.container import Sequential
from plugtorch.frontend.nn.modules.conv import Conv1d, Conv2d, Conv3d
from plugtorch.frontend.nn.modules.linear import Linear
from plugtorch.frontend.nn.utils.parametrize import type_before_parametrizations

__all__ = ["BNReLU2d", "BNReLU3d", "ConvAdd2d", "ConvAddReLU2d", "ConvBn1d", "ConvBn2d", "ConvBn3d", "ConvBnReLU1d",
           "ConvBnReLU2d", "ConvBnReLU3d", "ConvReLU1d", "ConvReLU2d", "ConvReLU3d", "LinearBn1d", "LinearLeakyReLU",
           "LinearReLU", "LinearTanh"]


class _FusedModule(Sequential):
    """A sequence that is observed and replaced as one."""

    _parts: tuple[type, ...] = ()

    def _check(self, modules):
        if tuple(map(type_before_parametrizations, modules)) != self._parts:
            raise AssertionError("Incorrect types for input modules" + "".join(str(type(m)) for m in modules))


class _Pair(_FusedModule):
    def __init__(self, first, second):
        self._check((first, second))
        super().__init__(first, second)


class _Triple(_FusedModule):
    def __init__(self, conv, bn, relu):
        self._check((conv, bn, relu))
        super().__init__(conv, bn, relu)


class ConvReLU1d(_Pair):
    """A Conv1d and a ReLU."""

    _parts = (Conv1d, ReLU)


class ConvReLU2d(_Pair):
    """A Conv2d and a ReLU."""

    _parts = (Conv2d, ReLU)


class ConvReLU3d(_Pair):
    """A Conv3d and a ReLU."""

    _parts = (Conv3d, ReLU)


class LinearReLU(_Pair):
    """A Linear and a ReLU."""

    _parts = (Linear, ReLU)


class ConvBn1d(_Pair):
    """A Conv1d and a BatchNorm1d."""

    _parts = (Conv1d, BatchNorm1d)


class ConvBn2d(_Pair):
    """A Conv2d and a BatchNorm2d."""

    _parts = (Conv2d, BatchNorm2d)


class ConvBn3d(_Pair):
    """A Conv3d and a BatchNorm3d."""

    _parts = (Conv3d, BatchNorm3d)


class ConvBnReLU1d(_Triple):
    """A Conv1d, a BatchNorm1d and a ReLU."""

    _parts = (Conv1d, BatchNorm1d, ReLU)


class ConvBnReLU2d(_Triple):
    """A Conv2d, a BatchNorm2d and a ReLU."""

    _parts = (Conv2d, BatchNorm2d, ReLU)


class ConvBnReLU3d(_Triple):
    """A Conv3d, a BatchNorm3d and a ReLU."""

    _parts = (Conv3d, BatchNorm3d, ReLU)


class BNReLU2d(_Pair):
    """A BatchNorm2d and a ReLU."""

    _parts = (BatchNorm2d, ReLU)


class BNReLU3d(_Pair):
    """A BatchNorm3d and a ReLU."""

    _parts = (BatchNorm3d, ReLU)


class LinearBn1d(_Pair):
    """A Linear and a BatchNorm1d."""

    _parts = (Linear, BatchNorm1d)


class LinearLeakyReLU(_Pair):
    """A Linear and a LeakyReLU."""

    _parts = (Linear, LeakyReLU)


class LinearTanh(_Pair):
    """A Linear and a Tanh."""

    _parts = (Linear, Tanh)


class ConvAdd2d(_FusedModule):
    """A Conv2d and an addition: ``add(conv(x1), x2)``."""

    def __init__(self, conv, add):
        super().__init__(conv)
        self.add = add

    def forward(self, x1, x2):
        return self.add(self[0](x1), x2)


class ConvAddReLU2d(_FusedModule):
    """A Conv2d, an addition and a ReLU: ``relu(add(conv(x1), x2))``."""

    def __init__(self, conv, add, relu):
        super().__init__(conv)
        self.add = add
        self.relu = relu

    def forward(self, x1, x2):
        return self.relu(self.add(self[0](x1), x2))
