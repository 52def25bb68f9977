"""Public path of this module."""

from __future__ import annotations

from plugtorch.frontend.nn.utils.weight_norm import *  # noqa: F403
from plugtorch.frontend.nn.utils.weight_norm import __all__ as __all__
