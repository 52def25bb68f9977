"""``torch.ao``: fake quantisation of tensors is in ``torch``; the rest is refused by :mod:`plugtorch.ao.quantization`."""

from __future__ import annotations

from . import quantization

__all__ = ["quantization"]
