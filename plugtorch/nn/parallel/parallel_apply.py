"""Public path of this module."""

from __future__ import annotations

from plugtorch.frontend.nn.parallel.parallel_apply import *  # noqa: F403
from plugtorch.frontend.nn.parallel.parallel_apply import __all__ as __all__
