"""Public path of Rprop."""

from __future__ import annotations

from plugtorch.frontend.optim.rprop import *  # noqa: F403
from plugtorch.frontend.optim.rprop import __all__ as __all__
