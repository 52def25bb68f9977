"""Public path of transformer."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.transformer import *  # noqa: F403
from plugtorch.frontend.nn.modules.transformer import __all__ as __all__
