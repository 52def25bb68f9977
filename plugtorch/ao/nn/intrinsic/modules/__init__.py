"""Fused modules of ``torch.ao.nn.intrinsic``."""

from __future__ import annotations

from plugtorch.ao.nn.intrinsic.modules import fused
from plugtorch.frontend.ao.nn.intrinsic import *  # noqa: F403
from plugtorch.frontend.ao.nn.intrinsic import __all__ as _all

__all__ = [*_all, "fused"]
