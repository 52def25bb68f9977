"""Datasets, samplers and the data loader; names of ``torch.utils.data``."""

from __future__ import annotations

from plugtorch.frontend.utils.data import *  # noqa: F403
from plugtorch.frontend.utils.data import __all__ as __all__
