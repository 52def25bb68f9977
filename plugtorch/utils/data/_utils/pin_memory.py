"""Pinning batches; names of ``torch.utils.data._utils.pin_memory``."""

from __future__ import annotations

from plugtorch.frontend.utils.data._utils.pin_memory import *  # noqa: F403
from plugtorch.frontend.utils.data._utils.pin_memory import __all__ as __all__
