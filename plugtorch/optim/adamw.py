"""Public path of AdamW."""

from __future__ import annotations

from plugtorch.frontend.optim.adamw import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["AdamW", "adamw"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "adamw")
