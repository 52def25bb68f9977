"""``torch.ao.nn.quantized.dynamic``: layers with quantised weights, on floats."""

from __future__ import annotations

from plugtorch.ao.nn.quantized.dynamic import modules as modules
from plugtorch.frontend.ao.nn.quantized.dynamic import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.dynamic import __all__ as __all__
