"""Public path of ``HalfNormal``."""

from __future__ import annotations

from plugtorch.frontend.distributions.normal import HalfNormal

__all__ = ["HalfNormal"]
