"""Public path of ``InverseGamma``."""

from __future__ import annotations

from plugtorch.frontend.distributions.gamma import InverseGamma

__all__ = ["InverseGamma"]
