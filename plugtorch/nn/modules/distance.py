"""Public path of distance."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.distance import *  # noqa: F403
from plugtorch.frontend.nn.modules.distance import __all__ as __all__
