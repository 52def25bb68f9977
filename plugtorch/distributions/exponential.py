"""Public path of ``Exponential``."""

from __future__ import annotations

from plugtorch.frontend.distributions.exponential import Exponential

__all__ = ["Exponential"]
