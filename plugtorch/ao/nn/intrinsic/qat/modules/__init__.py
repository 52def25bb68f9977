"""Fused layers for training, ``torch.ao.nn.intrinsic.qat``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.intrinsic_qat import *  # noqa: F403
from plugtorch.frontend.ao.nn.intrinsic_qat import __all__ as __all__
