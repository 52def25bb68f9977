"""Public path of Rprop."""

from __future__ import annotations

from plugtorch.frontend.optim.rprop import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["Rprop", "rprop"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "rprop")
