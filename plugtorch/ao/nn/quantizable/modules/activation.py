"""``torch.ao.nn.quantizable.modules.activation``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantizable import MultiheadAttention

__all__ = ["MultiheadAttention"]
