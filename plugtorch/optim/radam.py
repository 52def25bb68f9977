"""Public path of RAdam."""

from __future__ import annotations

from plugtorch.frontend.optim.radam import *  # noqa: F403
from plugtorch.frontend.optim.radam import __all__ as __all__
