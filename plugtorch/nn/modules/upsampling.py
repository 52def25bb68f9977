"""Public path of upsampling."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.upsampling import *  # noqa: F403
from plugtorch.frontend.nn.modules.upsampling import __all__ as __all__
