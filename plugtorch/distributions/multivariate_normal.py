"""Public path of ``MultivariateNormal``."""

from __future__ import annotations

from plugtorch.frontend.distributions.multivariate_normal import MultivariateNormal

__all__ = ["MultivariateNormal"]
