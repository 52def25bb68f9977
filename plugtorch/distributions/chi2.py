"""Public path of ``Chi2``."""

from __future__ import annotations

from plugtorch.frontend.distributions.gamma import Chi2

__all__ = ["Chi2"]
