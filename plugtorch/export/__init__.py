"""Public path of exported programs: ``torch.export``."""

from __future__ import annotations

from plugtorch.frontend.export import *  # noqa: F403
from plugtorch.frontend.export import __all__ as __all__
