"""``torch.ao.quantization.qconfig``."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization.qconfig import *  # noqa: F403
from plugtorch.frontend.ao.quantization.qconfig import __all__ as __all__
