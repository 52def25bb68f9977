"""Public path of Adamax."""

from __future__ import annotations

from plugtorch.frontend.optim.adamax import Adamax

__all__ = [
    "Adamax",
]
