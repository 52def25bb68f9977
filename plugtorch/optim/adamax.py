"""Public path of Adamax."""

from __future__ import annotations

from plugtorch.frontend.optim.adamax import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["Adamax", "adamax"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "adamax")
