"""Public path of flatten."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.flatten import Flatten, Unflatten

__all__ = [
    "Flatten",
    "Unflatten",
]
