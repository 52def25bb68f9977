"""Public path of ``Poisson``."""

from __future__ import annotations

from plugtorch.frontend.distributions.poisson import Poisson

__all__ = ["Poisson"]
