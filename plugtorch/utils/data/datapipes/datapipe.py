"""Public path of the base classes of data pipes."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.datapipe import *  # noqa: F403
from plugtorch.frontend.utils.data.datapipes.datapipe import __all__ as __all__
