"""Public path of gradient clipping."""

from __future__ import annotations

from plugtorch.frontend.nn.utils.clip_grad import *  # noqa: F403
from plugtorch.frontend.nn.utils.clip_grad import __all__ as __all__
