"""Public path of NAdam."""

from __future__ import annotations

from plugtorch.frontend.optim.nadam import *  # noqa: F403
from plugtorch.frontend.optim.nadam import __all__ as __all__
