"""Samplers; names of ``torch.utils.data.sampler``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.sampler import *  # noqa: F403
from plugtorch.frontend.utils.data.sampler import __all__ as __all__
