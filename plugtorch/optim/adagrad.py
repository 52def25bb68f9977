"""Public path of Adagrad."""

from __future__ import annotations

from plugtorch.frontend.optim.adagrad import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["Adagrad", "adagrad"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "adagrad")
