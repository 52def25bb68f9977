"""Public path of linear layers."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.linear import *  # noqa: F403
from plugtorch.frontend.nn.modules.linear import NonDynamicallyQuantizableLinear as NonDynamicallyQuantizableLinear
from plugtorch.frontend.nn.modules.linear import __all__ as __all__
