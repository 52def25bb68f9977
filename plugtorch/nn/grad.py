"""Public path of the gradients of convolutions."""

from __future__ import annotations

from plugtorch.frontend.nn.grad import *  # noqa: F403
from plugtorch.frontend.nn.grad import __all__ as __all__
