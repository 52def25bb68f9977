"""Names of ``torch.package``, which is not offered."""

from __future__ import annotations

from plugtorch.frontend.package import *  # noqa: F403
from plugtorch.frontend.package import __all__ as __all__
