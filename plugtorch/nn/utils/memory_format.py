"""Public path of this module."""

from __future__ import annotations

from plugtorch.frontend.nn.utils.memory_format import *  # noqa: F403
from plugtorch.frontend.nn.utils.memory_format import __all__ as __all__
