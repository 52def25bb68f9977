"""Public path of ``Dirichlet``."""

from __future__ import annotations

from plugtorch.frontend.distributions.dirichlet import Dirichlet

__all__ = ["Dirichlet"]
