"""Public path of pooling."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.pooling import *  # noqa: F403
from plugtorch.frontend.nn.modules.pooling import __all__ as __all__
