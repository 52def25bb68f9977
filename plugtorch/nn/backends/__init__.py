"""What files of very old versions name; names of ``torch.nn.backends``."""

from __future__ import annotations

__all__: list[str] = []
