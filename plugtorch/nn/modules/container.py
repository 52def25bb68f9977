"""Public path of containers."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.container import *  # noqa: F403
from plugtorch.frontend.nn.modules.container import __all__ as __all__
