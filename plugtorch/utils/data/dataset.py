"""Datasets; names of ``torch.utils.data.dataset``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.dataset import *  # noqa: F403
from plugtorch.frontend.utils.data.dataset import __all__ as __all__
