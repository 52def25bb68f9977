"""Public path of parameters as one vector."""

from __future__ import annotations

from plugtorch.frontend.nn.utils.convert_parameters import *  # noqa: F403
from plugtorch.frontend.nn.utils.convert_parameters import __all__ as __all__
