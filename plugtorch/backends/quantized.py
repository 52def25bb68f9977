"""``torch.backends.quantized``: quantized kernels, which no backend has."""

from __future__ import annotations

engine = "none"
supported_engines = ["none"]
