"""Public path of ``Uniform``."""

from __future__ import annotations

from plugtorch.frontend.distributions.uniform import Uniform

__all__ = ["Uniform"]
