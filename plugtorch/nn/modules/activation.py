"""Public path of activations and multi-head attention."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.activation import *  # noqa: F403
from plugtorch.frontend.nn.modules.activation import __all__ as __all__
