"""Public path of Adamax."""

from __future__ import annotations

from plugtorch.frontend.optim.adamax import *  # noqa: F403
from plugtorch.frontend.optim.adamax import __all__ as __all__
