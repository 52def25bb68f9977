"""Public path of this module."""

from __future__ import annotations

from plugtorch.frontend.nn.parallel.replicate import *  # noqa: F403
from plugtorch.frontend.nn.parallel.replicate import __all__ as __all__
