"""Public path of ``Cauchy``."""

from __future__ import annotations

from plugtorch.frontend.distributions.cauchy import Cauchy

__all__ = ["Cauchy"]
