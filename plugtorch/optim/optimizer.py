"""Public path of the base class of optimizers."""

from __future__ import annotations

from plugtorch.frontend.optim.optimizer import *  # noqa: F403
from plugtorch.frontend.optim.optimizer import __all__ as __all__
from plugtorch.frontend.optim.optimizer import required as required
