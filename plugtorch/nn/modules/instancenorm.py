"""Public path of instance normalisation."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.instancenorm import *  # noqa: F403
from plugtorch.frontend.nn.modules.instancenorm import __all__ as __all__
