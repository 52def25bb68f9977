"""Public path of ``LowRankMultivariateNormal``."""

from __future__ import annotations

from plugtorch.frontend.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal

__all__ = ["LowRankMultivariateNormal"]
