"""Public path of losses."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.loss import *  # noqa: F403
from plugtorch.frontend.nn.modules.loss import __all__ as __all__
