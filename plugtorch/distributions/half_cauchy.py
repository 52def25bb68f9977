"""Public path of ``HalfCauchy``."""

from __future__ import annotations

from plugtorch.frontend.distributions.cauchy import HalfCauchy

__all__ = ["HalfCauchy"]
