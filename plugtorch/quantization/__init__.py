"""Names of ``torch.ao.quantization``; quantised kernels are not offered."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization import *  # noqa: F403
from plugtorch.frontend.ao.quantization import __all__ as __all__
