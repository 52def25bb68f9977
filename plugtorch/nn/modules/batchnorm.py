"""Public path of batch normalisation."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.batchnorm import *  # noqa: F403
from plugtorch.frontend.nn.modules.batchnorm import __all__ as __all__
