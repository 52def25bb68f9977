"""Public path of layer, group and root-mean-square normalisation."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.normalization import *  # noqa: F403
from plugtorch.frontend.nn.modules.normalization import __all__ as __all__
