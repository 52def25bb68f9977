"""Public path of Adagrad."""

from __future__ import annotations

from plugtorch.frontend.optim.adagrad import Adagrad

__all__ = [
    "Adagrad",
]
