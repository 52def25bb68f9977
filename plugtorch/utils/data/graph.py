"""The pipes that a pipe is made of; names of ``torch.utils.data.graph``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.graph import *  # noqa: F403
from plugtorch.frontend.utils.data.datapipes.graph import __all__ as __all__
