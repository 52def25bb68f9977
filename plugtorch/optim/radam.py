"""Public path of RAdam."""

from __future__ import annotations

from plugtorch.frontend.optim.radam import RAdam

__all__ = [
    "RAdam",
]
