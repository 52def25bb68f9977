"""Worker processes; names of ``torch.utils.data._utils.worker``."""

from __future__ import annotations

from plugtorch.frontend.utils.data._utils.worker import *  # noqa: F403
from plugtorch.frontend.utils.data._utils.worker import __all__ as __all__
