"""Public path of ``Gamma``."""

from __future__ import annotations

from plugtorch.frontend.distributions.gamma import Gamma

__all__ = ["Gamma"]
