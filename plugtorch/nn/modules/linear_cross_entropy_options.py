"""Public path of the options of linear_cross_entropy."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.linear_cross_entropy_options import *  # noqa: F403
from plugtorch.frontend.nn.modules.linear_cross_entropy_options import __all__ as __all__
