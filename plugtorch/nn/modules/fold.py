"""Public path of fold."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.fold import Fold, Unfold

__all__ = [
    "Fold",
    "Unfold",
]
