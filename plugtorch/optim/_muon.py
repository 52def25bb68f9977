"""Public path of Muon."""

from __future__ import annotations

from plugtorch.frontend.optim.muon import *  # noqa: F403
from plugtorch.optim._lazy import functional

__all__ = ["Muon", "muon"]  # noqa: F405  (the function comes when asked for)
__getattr__ = functional(__name__, "muon")
