"""Path of Adafactor."""

from __future__ import annotations

from plugtorch.frontend.optim.adafactor import *  # noqa: F403
from plugtorch.frontend.optim.adafactor import __all__ as __all__
