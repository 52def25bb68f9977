"""Public path of the size helpers of layers."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.utils import (
    _ntuple,
    _pair,
    _quadruple,
    _reverse_repeat_tuple,
    _single,
    _triple,
)

__all__ = [
    "_ntuple",
    "_pair",
    "_quadruple",
    "_reverse_repeat_tuple",
    "_single",
    "_triple",
]
