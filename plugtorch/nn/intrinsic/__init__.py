"""``torch.nn.intrinsic``: sequences of layers that are quantised as one."""

from __future__ import annotations

from plugtorch.nn.intrinsic import modules, qat, quantized  # noqa: F401
from plugtorch.nn.intrinsic.modules.fused import *  # noqa: F403
from plugtorch.nn.intrinsic.modules.fused import __all__ as _all

__all__ = [*_all, "modules", "qat", "quantized"]
