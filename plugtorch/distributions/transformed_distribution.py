"""Public path of ``TransformedDistribution``."""

from __future__ import annotations

from plugtorch.frontend.distributions.transformed_distribution import TransformedDistribution

__all__ = ["TransformedDistribution"]
