"""``torch.nn.quantized.modules.functional_modules``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.functional_modules import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.functional_modules import __all__ as __all__
