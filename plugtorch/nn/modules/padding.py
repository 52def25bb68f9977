"""Public path of padding."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.padding import *  # noqa: F403
from plugtorch.frontend.nn.modules.padding import __all__ as __all__
