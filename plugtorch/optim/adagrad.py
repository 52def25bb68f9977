"""Public path of Adagrad."""

from __future__ import annotations

from plugtorch.frontend.optim.adagrad import *  # noqa: F403
from plugtorch.frontend.optim.adagrad import __all__ as __all__
