"""Public path of ``Bernoulli``."""

from __future__ import annotations

from plugtorch.frontend.distributions.bernoulli import Bernoulli

__all__ = ["Bernoulli"]
