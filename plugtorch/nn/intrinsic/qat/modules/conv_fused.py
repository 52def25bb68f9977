"""``torch.nn.intrinsic.qat.modules.conv_fused``."""

from __future__ import annotations

from plugtorch.ao.nn.intrinsic.qat.modules.conv_fused import *  # noqa: F403
from plugtorch.ao.nn.intrinsic.qat.modules.conv_fused import __all__ as __all__
