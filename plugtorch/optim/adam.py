"""Public path of Adam."""

from __future__ import annotations

from plugtorch.frontend.optim.adam import *  # noqa: F403
from plugtorch.frontend.optim.adam import __all__ as __all__
