"""Collating samples; names of ``torch.utils.data._utils.collate``."""

from __future__ import annotations

from plugtorch.frontend.utils.data._utils.collate import *  # noqa: F403
from plugtorch.frontend.utils.data._utils.collate import __all__ as __all__
