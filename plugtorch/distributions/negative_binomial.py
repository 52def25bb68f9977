"""Public path of ``NegativeBinomial``."""

from __future__ import annotations

from plugtorch.frontend.distributions.binomial import NegativeBinomial

__all__ = ["NegativeBinomial"]
