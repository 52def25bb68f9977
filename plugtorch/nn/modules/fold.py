"""Public path of fold."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.fold import *  # noqa: F403
from plugtorch.frontend.nn.modules.fold import __all__ as __all__
