"""Public path of dropout."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.dropout import *  # noqa: F403
from plugtorch.frontend.nn.modules.dropout import __all__ as __all__
