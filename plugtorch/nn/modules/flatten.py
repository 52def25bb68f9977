"""Public path of flatten."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.flatten import *  # noqa: F403
from plugtorch.frontend.nn.modules.flatten import __all__ as __all__
