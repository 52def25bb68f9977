"""``torch.nn.intrinsic.qat``: fused layers for training."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.intrinsic_qat import *  # noqa: F403
from plugtorch.frontend.ao.nn.intrinsic_qat import __all__ as __all__
from plugtorch.nn.intrinsic.qat import modules as modules
