"""Public path of adaptive softmax."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.adaptive import *  # noqa: F403
from plugtorch.frontend.nn.modules.adaptive import __all__ as __all__
