"""Public path of ``Binomial``."""

from __future__ import annotations

from plugtorch.frontend.distributions.binomial import Binomial

__all__ = ["Binomial"]
