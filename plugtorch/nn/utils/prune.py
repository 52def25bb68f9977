"""Public path of pruning."""

from __future__ import annotations

from plugtorch.frontend.nn.utils.prune import *  # noqa: F403
from plugtorch.frontend.nn.utils.prune import __all__ as __all__
