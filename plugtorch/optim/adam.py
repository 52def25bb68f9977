"""Public path of Adam."""

from __future__ import annotations

from plugtorch.frontend.optim.adam import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["Adam", "adam"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "adam")
