"""Public path of RAdam."""

from __future__ import annotations

from plugtorch.frontend.optim.radam import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["RAdam", "radam"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "radam")
