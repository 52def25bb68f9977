"""Recomputing instead of keeping; names of ``torch.utils.checkpoint``."""

from __future__ import annotations

from plugtorch.frontend.utils.checkpoint import *  # noqa: F403
from plugtorch.frontend.utils.checkpoint import __all__ as __all__
