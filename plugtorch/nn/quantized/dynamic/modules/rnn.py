"""``torch.nn.quantized.dynamic.modules.rnn``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.dynamic_rnn import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.dynamic_rnn import __all__ as __all__
