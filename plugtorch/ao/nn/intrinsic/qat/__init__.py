"""``torch.ao.nn.intrinsic.qat``: fused layers for training."""

from __future__ import annotations

from plugtorch.ao.nn.intrinsic.qat import modules as modules
from plugtorch.frontend.ao.nn.intrinsic_qat import *  # noqa: F403
from plugtorch.frontend.ao.nn.intrinsic_qat import __all__ as __all__
