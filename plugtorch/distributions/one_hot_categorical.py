"""Public path of ``OneHotCategorical``."""

from __future__ import annotations

from plugtorch.frontend.distributions.categorical import OneHotCategorical, OneHotCategoricalStraightThrough

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]
