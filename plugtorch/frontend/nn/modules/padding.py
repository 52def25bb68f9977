"""Padding of the last one, two or three dimensions.

``padding`` is one number for all sides or ``(left, right)``, ``(left, right, top, bottom)``,
``(left, right, top, bottom, front, back)``: last dimension first.
"""

from __future__ import annotations

from typing import Any

from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.modules.utils import _ntuple
from plugtorch.frontend.tensor import Tensor

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _PadNd(Module):
    _spatial = 0
    _mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = _ntuple(2 * self._spatial, "sides")(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Pads the last dimension with ``value``."""

    _spatial = 1


class ConstantPad2d(_ConstantPadNd):
    """Pads the last two dimensions with ``value``."""

    _spatial = 2


class ConstantPad3d(_ConstantPadNd):
    """Pads the last three dimensions with ``value``."""

    _spatial = 3


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPadNd):
    """Pads the last dimension with zeros."""

    _spatial = 1


class ZeroPad2d(_ZeroPadNd):
    """Pads the last two dimensions with zeros."""

    _spatial = 2


class ZeroPad3d(_ZeroPadNd):
    """Pads the last three dimensions with zeros."""

    _spatial = 3


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        n = self._spatial
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.dim()}D input)")
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """Continues ``(N, C, L)`` or ``(C, L)`` periodically."""

    _spatial = 1


class CircularPad2d(_CircularPadNd):
    """Continues ``(N, C, H, W)`` or ``(C, H, W)`` periodically."""

    _spatial = 2


class CircularPad3d(_CircularPadNd):
    """Continues ``(N, C, D, H, W)`` or ``(C, D, H, W)`` periodically."""

    _spatial = 3


class ReflectionPad1d(_PadNd):
    """Mirrors ``(N, C, L)`` or ``(C, L)`` at its ends, which are not repeated."""

    _spatial = 1
    _mode = "reflect"


class ReflectionPad2d(_PadNd):
    """Mirrors ``(N, C, H, W)`` or ``(C, H, W)`` at its edges, which are not repeated."""

    _spatial = 2
    _mode = "reflect"


class ReflectionPad3d(_PadNd):
    """Mirrors ``(N, C, D, H, W)`` or ``(C, D, H, W)`` at its faces, which are not repeated."""

    _spatial = 3
    _mode = "reflect"


class ReplicationPad1d(_PadNd):
    """Repeats the ends of ``(N, C, L)`` or ``(C, L)``."""

    _spatial = 1
    _mode = "replicate"


class ReplicationPad2d(_PadNd):
    """Repeats the edges of ``(N, C, H, W)`` or ``(C, H, W)``."""

    _spatial = 2
    _mode = "replicate"


class ReplicationPad3d(_PadNd):
    """Repeats the faces of ``(N, C, D, H, W)`` or ``(C, D, H, W)``."""

    _spatial = 3
    _mode = "replicate"
