"""Public path of ``Weibull``."""

from __future__ import annotations

from plugtorch.frontend.distributions.pareto import Weibull

__all__ = ["Weibull"]
