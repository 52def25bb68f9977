"""Public path of SGD."""

from __future__ import annotations

from plugtorch.frontend.optim.sgd import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["SGD", "sgd"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "sgd")
