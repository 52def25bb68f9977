"""Public path of pixelshuffle."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.pixelshuffle import PixelShuffle, PixelUnshuffle

__all__ = [
    "PixelShuffle",
    "PixelUnshuffle",
]
