"""Public path of this module."""

from __future__ import annotations

from plugtorch.frontend.nn.utils.fusion import *  # noqa: F403
from plugtorch.frontend.nn.utils.fusion import __all__ as __all__
