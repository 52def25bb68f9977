"""Public path of RMSprop."""

from __future__ import annotations

from plugtorch.frontend.optim.rmsprop import *  # noqa: F403
from plugtorch.frontend.optim.rmsprop import __all__ as __all__
