"""Public path of this module."""

from __future__ import annotations

from plugtorch.frontend.nn.utils.spectral_norm import *  # noqa: F403
from plugtorch.frontend.nn.utils.spectral_norm import __all__ as __all__
