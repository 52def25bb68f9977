"""Fused modules of ``torch.nn.intrinsic``."""

from __future__ import annotations

from plugtorch.nn.intrinsic.modules.fused import *  # noqa: F403
from plugtorch.nn.intrinsic.modules.fused import __all__ as __all__
