"""Public path of ``GeneralizedPareto``."""

from __future__ import annotations

from plugtorch.frontend.distributions.pareto import GeneralizedPareto

__all__ = ["GeneralizedPareto"]
