"""``torch.nn.quantized.modules.dropout``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantized.modules import Dropout

__all__ = ["Dropout"]
