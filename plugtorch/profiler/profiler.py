"""Public path of the profiler."""

from __future__ import annotations

from plugtorch.frontend.profiling import *  # noqa: F403
from plugtorch.frontend.profiling import __all__ as __all__
