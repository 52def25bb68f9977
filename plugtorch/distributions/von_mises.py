"""Public path of ``VonMises``."""

from __future__ import annotations

from plugtorch.frontend.distributions.von_mises import VonMises

__all__ = ["VonMises"]
