"""Public path of Adam."""

from __future__ import annotations

from plugtorch.frontend.optim.adam import Adam

__all__ = [
    "Adam",
]
