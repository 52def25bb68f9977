"""``torch.ao.nn.intrinsic``: sequences of layers that are quantised as one."""

from __future__ import annotations

from plugtorch.ao.nn.intrinsic import modules, qat, quantized
from plugtorch.frontend.ao.nn.intrinsic import *  # noqa: F403
from plugtorch.frontend.ao.nn.intrinsic import __all__ as _all

__all__ = [*_all, "modules", "qat", "quantized"]
