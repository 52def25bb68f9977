"""Public path of ``Geometric``."""

from __future__ import annotations

from plugtorch.frontend.distributions.bernoulli import Geometric

__all__ = ["Geometric"]
