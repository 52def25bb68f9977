"""Public path of Adadelta."""

from __future__ import annotations

from plugtorch.frontend.optim.adadelta import *  # noqa: F403
from plugtorch.frontend.optim.adadelta import __all__ as __all__
