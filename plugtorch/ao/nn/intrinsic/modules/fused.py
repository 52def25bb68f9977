"""Fused modules of ``torch.ao.nn.intrinsic``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.intrinsic import *  # noqa: F403
from plugtorch.frontend.ao.nn.intrinsic import __all__ as __all__
from plugtorch.frontend.ao.nn.intrinsic import _FusedModule as _FusedModule
