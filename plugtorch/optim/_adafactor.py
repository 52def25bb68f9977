"""Path of Adafactor."""

from __future__ import annotations

from plugtorch.frontend.optim.adafactor import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["Adafactor", "adafactor"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "adafactor")
