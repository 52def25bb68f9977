"""Public path of ASGD."""

from __future__ import annotations

from plugtorch.frontend.optim.asgd import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["ASGD", "asgd"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "asgd")
