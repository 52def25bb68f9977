"""Public path of the functional forms of the optimizers."""

from __future__ import annotations

from plugtorch.frontend.optim.functional import *  # noqa: F403
from plugtorch.frontend.optim.functional import __all__ as __all__
