"""Public path of ``LogNormal``."""

from __future__ import annotations

from plugtorch.frontend.distributions.normal import LogNormal

__all__ = ["LogNormal"]
