"""Public path of ``Categorical``."""

from __future__ import annotations

from plugtorch.frontend.distributions.categorical import Categorical

__all__ = ["Categorical"]
