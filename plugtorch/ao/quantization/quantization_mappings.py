"""``torch.ao.quantization.quantization_mappings``."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization.mappings import *  # noqa: F403
from plugtorch.frontend.ao.quantization.mappings import __all__ as __all__
