"""Public path of SGD."""

from __future__ import annotations

from plugtorch.frontend.optim.sgd import SGD

__all__ = [
    "SGD",
]
