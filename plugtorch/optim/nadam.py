"""Public path of NAdam."""

from __future__ import annotations

from plugtorch.frontend.optim.nadam import NAdam

__all__ = [
    "NAdam",
]
