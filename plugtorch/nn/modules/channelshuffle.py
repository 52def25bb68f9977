"""Public path of channelshuffle."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.channelshuffle import *  # noqa: F403
from plugtorch.frontend.nn.modules.channelshuffle import __all__ as __all__
