"""Public path of NAdam."""

from __future__ import annotations

from plugtorch.frontend.optim.nadam import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["NAdam", "nadam"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "nadam")
