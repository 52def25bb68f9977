"""Public path of AdamW."""

from __future__ import annotations

from plugtorch.frontend.optim.adamw import *  # noqa: F403
from plugtorch.frontend.optim.adamw import __all__ as __all__
