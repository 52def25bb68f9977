"""``torch.ao.nn.intrinsic.quantized``: quantised layers with an activation."""

from __future__ import annotations

from plugtorch.ao.nn.intrinsic.quantized import dynamic, modules  # noqa: F401
from plugtorch.ao.nn.intrinsic.quantized.modules import *  # noqa: F403
from plugtorch.ao.nn.intrinsic.quantized.modules import __all__ as _all

__all__ = [*_all, "dynamic", "modules"]
