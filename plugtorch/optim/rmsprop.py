"""Public path of RMSprop."""

from __future__ import annotations

from plugtorch.frontend.optim.rmsprop import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["RMSprop", "rmsprop"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "rmsprop")
