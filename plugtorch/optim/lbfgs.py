"""Public path of LBFGS."""

from __future__ import annotations

from plugtorch.frontend.optim.lbfgs import *  # noqa: F403
from plugtorch.frontend.optim.lbfgs import __all__ as __all__
