"""Public path of ``ContinuousBernoulli``."""

from __future__ import annotations

from plugtorch.frontend.distributions.continuous_bernoulli import ContinuousBernoulli

__all__ = ["ContinuousBernoulli"]
