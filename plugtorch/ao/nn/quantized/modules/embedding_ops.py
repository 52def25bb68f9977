"""``torch.ao.nn.quantized.modules.embedding_ops``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.embedding import *  # noqa: F403
from plugtorch.frontend.ao.nn.quantized.embedding import __all__ as __all__
