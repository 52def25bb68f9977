"""Public path of the averages of models."""

from __future__ import annotations

from plugtorch.frontend.optim.swa_utils import *  # noqa: F403
from plugtorch.frontend.optim.swa_utils import __all__ as __all__
