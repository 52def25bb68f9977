"""``torch.quantization.stubs``."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization.stubs import *  # noqa: F403
from plugtorch.frontend.ao.quantization.stubs import __all__ as __all__
