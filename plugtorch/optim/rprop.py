"""Public path of Rprop."""

from __future__ import annotations

from plugtorch.frontend.optim.rprop import Rprop

__all__ = [
    "Rprop",
]
