"""Public path of pixelshuffle."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.pixelshuffle import *  # noqa: F403
from plugtorch.frontend.nn.modules.pixelshuffle import __all__ as __all__
