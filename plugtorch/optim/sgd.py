"""Public path of SGD."""

from __future__ import annotations

from plugtorch.frontend.optim.sgd import *  # noqa: F403
from plugtorch.frontend.optim.sgd import __all__ as __all__
