"""Public path of lazily shaped modules."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.lazy import *  # noqa: F403
from plugtorch.frontend.nn.modules.lazy import __all__ as __all__
