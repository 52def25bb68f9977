"""Public path of Adadelta."""

from __future__ import annotations

from plugtorch.frontend.optim.adadelta import Adadelta

__all__ = [
    "Adadelta",
]
