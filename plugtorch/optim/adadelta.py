"""Public path of Adadelta."""

from __future__ import annotations

from plugtorch.frontend.optim.adadelta import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["Adadelta", "adadelta"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "adadelta")
