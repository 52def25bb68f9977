"""Public path of channelshuffle."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.channelshuffle import ChannelShuffle

__all__ = [
    "ChannelShuffle",
]
