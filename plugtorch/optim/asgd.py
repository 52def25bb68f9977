"""Public path of ASGD."""

from __future__ import annotations

from plugtorch.frontend.optim.asgd import *  # noqa: F403
from plugtorch.frontend.optim.asgd import __all__ as __all__
