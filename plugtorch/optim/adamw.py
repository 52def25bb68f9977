"""Public path of AdamW."""

from __future__ import annotations

from plugtorch.frontend.optim.adamw import AdamW

__all__ = [
    "AdamW",
]
