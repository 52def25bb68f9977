"""Public path of RMSprop."""

from __future__ import annotations

from plugtorch.frontend.optim.rmsprop import RMSprop

__all__ = [
    "RMSprop",
]
