"""Hooks and their handles; names of ``torch.utils.hooks``."""

from __future__ import annotations

from plugtorch.frontend.utils.hooks import *  # noqa: F403
from plugtorch.frontend.utils.hooks import __all__ as __all__
