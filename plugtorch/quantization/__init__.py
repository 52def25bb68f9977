"""Names of ``torch.quantization``: quantising a model step by step."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization.names import *  # noqa: F403
from plugtorch.frontend.ao.quantization.names import __all__ as __all__
