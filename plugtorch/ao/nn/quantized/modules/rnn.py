"""``torch.ao.nn.quantized.modules.rnn``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.rnn import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.rnn import __all__ as __all__
