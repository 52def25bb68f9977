"""Names of ``torch.export``, which is not offered."""

from __future__ import annotations

from plugtorch.frontend.export import *  # noqa: F403
from plugtorch.frontend.export import __all__ as __all__
