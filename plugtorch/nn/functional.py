"""Public path of the functional forms of the layers."""

from __future__ import annotations

from plugtorch.frontend.nn.functional import *  # noqa: F403
from plugtorch.frontend.nn.functional import __all__ as __all__
