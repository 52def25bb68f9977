"""Causal masks; names of ``torch.nn.attention.bias``."""

from __future__ import annotations

from plugtorch.frontend.nn.attention.bias import *  # noqa: F403
from plugtorch.frontend.nn.attention.bias import __all__ as __all__
