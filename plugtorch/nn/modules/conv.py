"""Public path of convolutions."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.conv import *  # noqa: F403
from plugtorch.frontend.nn.modules.conv import __all__ as __all__
