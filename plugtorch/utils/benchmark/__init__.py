"""Timing statements; names of ``torch.utils.benchmark``."""

from __future__ import annotations

from plugtorch.frontend.utils.benchmark import *  # noqa: F403
from plugtorch.frontend.utils.benchmark import __all__ as __all__
