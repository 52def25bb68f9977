"""Public path of ASGD."""

from __future__ import annotations

from plugtorch.frontend.optim.asgd import ASGD

__all__ = [
    "ASGD",
]
