"""Public path of parameters and buffers."""

from __future__ import annotations

from plugtorch.frontend.nn.parameter import *  # noqa: F403
from plugtorch.frontend.nn.parameter import __all__ as __all__
