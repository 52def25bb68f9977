"""Public path of ``Pareto``."""

from __future__ import annotations

from plugtorch.frontend.distributions.pareto import Pareto

__all__ = ["Pareto"]
