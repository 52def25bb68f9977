"""Public path of this module."""

from __future__ import annotations

from plugtorch.frontend.nn.parallel.scatter_gather import *  # noqa: F403
from plugtorch.frontend.nn.parallel.scatter_gather import __all__ as __all__
